"""Names of streams, views, models, fields and aggregates: which are legal, and which exclude each other.

A name is used in many places: in Python (``views.usage``), in paths of HTTP, as a table or a column of SQL, which does
not tell upper from lower case, and in names of files. A name that would not work in one of them is refused where it is
defined, together with the name that it clashes with.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from anabranch.errors import DefinitionError

MOST_BYTES = 150
"""File systems take 255 bytes, and files bear more than the name: a number, a fingerprint, an ending."""


def check_name(where: str, name: object, known: Iterable[str], location: str | None) -> None:
    """Whether a stream, a view or a model can be called so.

    Parameters
    ----------
    where
        The place, as a person would say it: ``view 'usage'``.
    known
        The names that are taken by others of its kind.

    Raises
    ------
    DefinitionError
        If not.
    """
    if not isinstance(name, str):
        raise DefinitionError(where, "is not a name", "Write it as text", location)
    if not name.isidentifier() or name.startswith("_"):
        raise DefinitionError(where, "is not a usable name", "Take letters, digits and '_', not '_' first", location)
    _check_form(where, name, location)
    for other in known:
        if other == name:
            raise DefinitionError(where, "is defined twice", "Rename one of them", location)
        if _folded(other) == _folded(name):
            raise DefinitionError(where, f"differs from {other!r} only in case", "Rename one of them", location)


def check_relations(where: str, view: str, views: Iterable[str], location: str | None) -> None:
    """Whether SQL can show a view beside the others: ``view_<view>`` and ``view_<view>_batch`` are tables of its own.

    Raises
    ------
    DefinitionError
        If one of them would have the name of another view's.
    """
    for other in views:
        for longer, shorter in ((view, other), (other, view)):
            if _folded(longer) == f"{_folded(shorter)}_batch":
                raise DefinitionError(
                    where,
                    f"in SQL, view_{longer} would be both this view and the batch part of view {shorter!r}"
                    if longer == view
                    else f"in SQL, view_{longer} would be both view {other!r} and the batch part of this one",
                    "Rename one of them",
                    location,
                )


def check_fields(where: str, fields: Iterable[str], location: str | None) -> None:
    """Whether the fields of a stream can be columns.

    Raises
    ------
    DefinitionError
        If one of them cannot, or two would be one.
    """
    taken: dict[str, str] = {}
    for name in fields:
        if not name or name.startswith("_"):
            raise DefinitionError(where, f"field {name!r} begins with '_', or has no name", "Rename it", location)
        _check_form(f"{where}, field {name!r}", name, location)
        other = taken.setdefault(_folded(name), name)
        if other != name:  # columns of SQL do not tell upper from lower case
            raise DefinitionError(where, f"fields {other!r} and {name!r} differ only in case", "Rename one", location)


def check_columns(where: str, key_fields: Iterable[str], aggregates: Iterable[str], location: str | None) -> None:
    """Whether the columns of a view's tables have names of their own.

    They are the key fields (also as k0, k1, ...), the aggregates, and what these keep: ``<aggregate>__<column>``.

    Raises
    ------
    DefinitionError
        If two of them would be one.
    """
    fields = list(key_fields)
    taken = {f"k{slot}": f"the column of key field {name!r}" for slot, name in enumerate(fields)}
    taken |= {_folded(name): "a key field" for name in fields}
    kept = {_folded(name).partition("__")[0]: name for name in fields if "__" in name}
    for name in aggregates:
        here = f"{where}, aggregate {name!r}"
        _check_form(here, name, location)
        problem = None
        if _folded(name) == "tile" or name.startswith("_") or "__" in name:
            problem = "the name is taken: 'tile', or one with '_' first or '__'"
        elif _folded(name) in taken:
            problem = f"the name is taken by {taken[_folded(name)]}"
        elif _folded(name) in kept:
            problem = f"key field {kept[_folded(name)]!r} is called like a column in which it keeps its state"
        if problem is not None:
            raise DefinitionError(here, problem, "Choose another name", location)
        taken[_folded(name)] = f"aggregate {name!r}"


def _check_form(where: str, name: str, location: str | None) -> None:
    usual = unicodedata.normalize("NFKC", name)
    if usual != name and name.isidentifier():
        raise DefinitionError(
            where, f"Python reads the name as {usual!a}, and it is {name!a}", f"Write {usual!r}", location
        )
    if (size := len(name.encode(errors="surrogatepass"))) > MOST_BYTES:
        raise DefinitionError(where, f"the name has {size} bytes", f"Take one of at most {MOST_BYTES}", location)
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in name):
        raise DefinitionError(where, f"the name {name!a} is no plain text", "Take another one", location)


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()
