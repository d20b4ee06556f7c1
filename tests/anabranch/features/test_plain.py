"""What a features function may return, and what becomes of it."""

from __future__ import annotations

import enum
from decimal import Decimal
from math import inf, nan
from typing import Any

import numpy as np
import pytest

from anabranch.errors import FeatureValueError
from anabranch.features import last_line, plain_features


class Colour(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


class Label(str):
    """A text of the user's own."""


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (0, 0),
        (True, True),
        (None, None),
        ("ä", "ä"),
        (-(2**63), -(2**63)),
        (2**63, 2.0**63),
        (10**400, None),
        (nan, None),
        (-inf, None),
        (np.float64(1.5), 1.5),
        (np.float32("nan"), None),
        (np.int64(7), 7),
        (np.bool_(True), True),
        (np.array(2.5), 2.5),
        (np.str_("a"), "a"),
        (Decimal("1.5"), 1.5),
        (Decimal("NaN"), None),
        (Colour.RED, "red"),
        (Level.HIGH, 3),
        (Label("x"), "x"),
    ],
)
def test_a_value_becomes_plain_data(value: Any, plain: Any) -> None:
    found = plain_features({"a": value})["a"]
    assert (found, type(found)) == (plain, type(plain))


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (None, "features must be a dict of values by name, and this is None, a NoneType"),
        ([("a", 1)], "and this is .*, a list"),
        ({1: 1}, "the name 1 is no text"),
        ({"": 1}, "a feature cannot be called ''"),
        ({"_a": 1}, "a feature cannot be called '_a'"),
        ({"Hour": 1, "hour": 2}, "the features 'Hour' and 'hour' differ only in case"),
        ({"a": [1]}, r"feature 'a' is \[1\], a list; return a number"),
        ({"a": np.array([1.0])}, "feature 'a' is .*, a ndarray"),
        ({"a": 1j}, "feature 'a' is 1j, a complex"),
        ({"a": "\ud800"}, "feature 'a' has a text that is not Unicode"),
        ({"\ud800": 1}, "has a text that is not Unicode"),
    ],
)
def test_what_no_store_holds_is_refused_by_its_name(returned: Any, message: str) -> None:
    with pytest.raises(FeatureValueError, match=message):
        plain_features(returned)


def test_the_last_line_of_an_error_says_where_the_user_s_function_raised() -> None:
    def features(event: dict[str, int]) -> int:
        return event["missing"]

    with pytest.raises(KeyError) as caught:
        features({})
    line = features.__code__.co_firstlineno + 1
    assert last_line(caught.value) == f"KeyError: 'missing' (test_plain.py:{line} in features)"
