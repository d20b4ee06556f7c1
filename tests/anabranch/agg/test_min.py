"""min: the smallest value."""

from typing import Any

import pytest

from anabranch import agg
from anabranch.field import Kind
from tests.anabranch.agg.folding import answer, nothing, over

LEAST, MOST = -(2**63), 2**63 - 1


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        ("integer", [MOST, None, LEAST, 0], LEAST),
        ("number", [5e-324, 0.5, 1.7e308], 5e-324),
        ("number", [0.0, -1e-300], -1e-300),
        ("boolean", [True, None, True], True),
        ("text", ["b", "", None], ""),
        ("text", ["é", "z", "e\u0301"], "e\u0301"),
        ("text", ["\U0001f600", "\uffff"], "\uffff"),
        ("instant", [1, 0], "1970-01-01T00:00:00Z"),
    ],
)
def test_it_is_the_(kind: Kind, values: list[Any], expected: Any) -> None:
    assert answer(over(kind, agg.min("field")), values) == expected


def test_of_nothing_it_is_none() -> None:
    for kind in ("integer", "number", "boolean", "text", "instant"):
        assert nothing(over(kind, agg.min("field"))) is None


def test_a_zero_has_no_sign() -> None:
    assert str(answer(over("number", agg.min("field")), [-0.0])) == "0.0"
