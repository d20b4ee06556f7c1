"""Features: what a features function returns, as plain data that can be stored, compared and learnt from."""

from __future__ import annotations

import traceback
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from pathlib import Path
from typing import Any

from anabranch.errors import FeaturesError, FeatureValueError

Feature = bool | int | float | str | None
Features = dict[str, Feature]
"""Values by name: numbers, booleans, texts (categories), and None where there is none. Never NaN."""

_PLAIN = frozenset({bool, type(None)})
_LOWEST, _BEYOND = -(2**63), 2**63


def plain_features(returned: Any) -> Features:
    """What a features function returned, checked and made plain. It may change `returned`.

    Numbers of NumPy become those of Python, integers beyond 64 bits floats, NaN and infinity None.

    >>> plain_features({"hour": 7, "recent": float("nan")})
    {'hour': 7, 'recent': None}

    Raises
    ------
    FeatureValueError
        If it is not a dict of such values by name.
    """
    if type(returned) is not dict:
        raise FeatureValueError(f"features must be a dict of values by name, and this is {_what(returned)}")
    _check_names(tuple(returned))
    for name, value in returned.items():
        kind = type(value)
        if kind is float:
            if value - value != 0.0:  # NaN and infinity
                returned[name] = None
        elif kind is int:
            if not _LOWEST <= value < _BEYOND:
                returned[name] = _wide(value)
        elif kind is str:
            if not value.isascii():
                _check_text(name, value)
        elif kind not in _PLAIN:
            returned[name] = _plain(name, value)
    return returned


@lru_cache(maxsize=256)
def _check_names(names: tuple[Any, ...]) -> None:
    """Features become columns of files and of SQL, which do not tell upper from lower case."""
    seen: dict[str, str] = {}
    for name in names:
        if type(name) is not str:
            raise FeatureValueError(f"features must be a dict of values by name, and the name {name!r:.80} is no text")
        if not name or name.startswith("_"):
            raise FeatureValueError(f"a feature cannot be called {name!r:.80}; begin with anything but '_'")
        _check_text(name, name)
        other = seen.setdefault(name.lower(), name)
        if other != name:
            raise FeatureValueError(f"the features {other!r} and {name!r} differ only in case; rename one")


def _check_text(name: str, text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise FeatureValueError(f"feature {name!r:.80} has a text that is not Unicode: {error}") from None


def _wide(value: int) -> float | None:
    """An integer that no store of features holds, like an exact sum of large ones."""
    try:
        return float(value)
    except OverflowError:
        return None


def _plain(name: str, value: Any) -> Feature:
    if isinstance(value, Enum):
        return plain_features({name: value.value})[name]
    if isinstance(value, Decimal):
        return plain_features({name: float(value)})[name]
    item = getattr(value, "item", None)  # a scalar of NumPy
    if callable(item) and getattr(value, "ndim", None) == 0:
        return plain_features({name: item()})[name]
    if isinstance(value, (bool, int, float, str)):  # a subclass
        base = next(kind for kind in (bool, int, float, str) if isinstance(value, kind))
        return plain_features({name: base(value)})[name]
    raise FeatureValueError(f"feature {name!r} is {_what(value)}; return a number, a boolean, a text or None")


def _what(value: Any) -> str:
    return f"{value!r:.80}, a {type(value).__name__}"


def last_line(error: BaseException) -> str:
    """The last line of an error's traceback and where it came from: what a person needs to mend a function."""
    text = traceback.format_exception_only(error)[-1].strip()
    if isinstance(error, FeaturesError):
        text = str(error)
    frames = traceback.extract_tb(error.__traceback__)
    of_user = [frame for frame in frames if not Path(frame.filename).is_relative_to(_OURS)]
    if not of_user:
        return text
    frame = of_user[-1]
    return f"{text} ({Path(frame.filename).name}:{frame.lineno} in {frame.name})"


_OURS = Path(__file__).parent.parent
