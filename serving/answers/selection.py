"""Query strings: every wrong thing in them is named, together with what would be right."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import parse_qsl

import orjson

from anabranch import Cut, View
from anabranch.duration import duration_us
from anabranch.instant import instant_us
from serving.errors import QueryError
from speed.tile_selection import Place

Layer = Literal["merged", "batch", "speed"]
Group = Literal["tile", "total"]
Parser = Callable[[str], Any]
"""Reads one parameter; raises `ValueError` that says what would be right."""

LIMIT_DEFAULT = 1_000
LIMIT_MOST = 100_000
TIMEOUT_DEFAULT_MS = 5_000
TIMEOUT_MOST_MS = 120_000
LAST_TILE = 2**62
"""Behind every tile: the place of a row that stands for all tiles of its key."""
_INT64 = range(-(2**63), 2**63)
_WHOLE = re.compile(r"-?[0-9]{1,19}")


def parse(query_string: bytes, parsers: Mapping[str, Parser]) -> dict[str, Any]:
    """The parameters that a query string gives, each read by its parser.

    Raises
    ------
    QueryError
        If a parameter is unknown, given twice, or cannot be read.
    """
    values: dict[str, Any] = {}
    if not query_string:
        return values
    for name, text in parse_qsl(query_string.decode("latin-1"), keep_blank_values=True):
        parser = parsers.get(name)
        if parser is None:
            raise QueryError(name, f"is unknown; the parameters here are: {', '.join(parsers) or 'none'}")
        if name in values:
            raise QueryError(name, "is given twice; give it once")
        try:
            values[name] = parser(text)
        except ValueError as error:
            raise QueryError(name, str(error)) from None
    return values


# one parameter


def whole(least: int, most: int) -> Parser:
    """A parser of whole numbers in ``[least, most]``."""

    def read(text: str) -> int:
        if _WHOLE.fullmatch(text) and least <= int(text) <= most:
            return int(text)
        raise ValueError(f"{text!r} is not a whole number from {least} to {most}")

    return read


def one_of(*words: str) -> Parser:
    """A parser of one word of a few."""

    def read(text: str) -> str:
        if text in words:
            return text
        raise ValueError(f"{text!r} is none of: {', '.join(words)}")

    return read


def moment(text: str) -> int:
    """Microseconds of an aware ISO 8601 instant."""
    try:
        return instant_us(text)
    except (ValueError, OverflowError):
        plus = " (a + in an address is written %2B)" if " " in text else ""
        raise ValueError(
            f"{text!r} is not an instant; write ISO 8601 with a time zone, like 2014-05-01T10:00:00Z{plus}"
        ) from None


def boolean(text: str) -> bool:
    """A parser of ``true`` and ``false``."""
    return bool(one_of("true", "false")(text) == "true")


WAITING: Mapping[str, Parser] = {"after": Cut.parse, "timeout_ms": whole(0, TIMEOUT_MOST_MS)}
"""What every read of the fold accepts; see `waiting`."""
PAGING_LIMIT = whole(1, LIMIT_MOST)


# a view


@dataclass(frozen=True, slots=True)
class ViewQuery:
    """What ``GET /v1/views/{view}`` is asked.

    Attributes
    ----------
    keys
        The wanted values by key field; a field that is not in it may have any.
    start, end
        Only tiles that overlap ``[start, end)``, in microseconds.
    last_us
        Only tiles that overlap the last so many microseconds before `end`, or, without it, before the newest event.
    layer
        Which part answers.
    group
        ``total`` merges the tiles of each key into one row.
    limit
        At most so many rows.
    place
        Only rows behind this one.
    after, timeout_seconds
        Answer once the fold has passed this cut, for which it is waited that long.
    """

    keys: Mapping[str, Any]
    start: int | None = None
    end: int | None = None
    last_us: int | None = None
    layer: Layer = "merged"
    group: Group = "tile"
    limit: int = LIMIT_DEFAULT
    place: Place | None = None
    after: Cut | None = None
    timeout_seconds: float = TIMEOUT_DEFAULT_MS / 1_000


class ViewQueries:
    """Reads the queries of one view."""

    def __init__(self, view: View):
        self.view = view
        self._kinds = [view.of.fields[name].kind if not callable(view.by) else "text" for name in view.key_fields]
        self._parsers: dict[str, Parser] = {
            **{name: _KEY_PARSERS[kind] for name, kind in zip(view.key_fields, self._kinds, strict=True)},
            "start": moment,
            "end": moment,
            "last": duration_us,
            "layer": one_of("merged", "batch", "speed"),
            "group": one_of("tile", "total"),
            "limit": PAGING_LIMIT,
            "next": self._place,
            **WAITING,
        }

    def read(self, query_string: bytes) -> ViewQuery:
        """The query; raises `QueryError`."""
        values = parse(query_string, self._parsers)
        if not values.keys().isdisjoint(("start", "end", "last")):
            self._check_range(values)
        get = values.get
        return ViewQuery(
            keys={name: values[name] for name in self.view.key_fields if name in values},
            start=get("start"),
            end=get("end"),
            last_us=get("last"),
            layer=get("layer", "merged"),
            group=get("group", "tile"),
            limit=get("limit", LIMIT_DEFAULT),
            place=get("next"),
            after=get("after"),
            timeout_seconds=get("timeout_ms", TIMEOUT_DEFAULT_MS) / 1_000,
        )

    def _check_range(self, values: Mapping[str, Any]) -> None:
        if self.view.tile_us is None:
            name = next(name for name in ("start", "end", "last") if name in values)
            raise QueryError(name, f"cannot be used: view {self.view.name!r} has no tiles, only one state for all time")
        if "start" in values and "last" in values:
            raise QueryError("last", "cannot stand beside start; give one of them, with or without end")
        if "start" in values and "end" in values and values["start"] > values["end"]:
            raise QueryError("end", "is before start; a range is [start, end)")

    def _place(self, text: str) -> Place:
        try:
            key, tile = orjson.loads(base64.urlsafe_b64decode(text.encode("ascii")))
            if (
                type(tile) is int
                and abs(tile) <= LAST_TILE
                and len(key) == len(self._kinds)
                and all(value is None or _is(kind, value) for kind, value in zip(self._kinds, key, strict=True))
            ):
                return tuple(key), tile
        except (ValueError, TypeError):
            pass
        raise ValueError("is not what an answer of this view gave as next; pass that on as it is, or leave it out")


def place_text(place: Place) -> str:
    """A place as the opaque text of ``next``."""
    return base64.urlsafe_b64encode(orjson.dumps(place)).decode()


def _is(kind: str, value: object) -> bool:
    if kind == "integer":
        return type(value) is int and value in _INT64
    return isinstance(value, bool if kind == "boolean" else str)


_KEY_PARSERS: Mapping[str, Parser] = {"text": str, "integer": whole(-(2**63), 2**63 - 1), "boolean": boolean}
