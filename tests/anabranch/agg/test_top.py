"""top: the most frequent values, exactly up to its size, and within its bound beyond."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from anabranch import DefinitionError, agg
from tests.anabranch.agg.folding import answer, folded, merged_in_pieces, nothing, over


def test_top_stays_within_its_bound_beyond_its_size() -> None:
    aggregate, rng = over("text", agg.top("field", 5)), random.Random(7)
    values = [f"page {int(rng.paretovariate(0.4))}" for _ in range(60_000)]
    right = Counter(values)
    assert len(right) > 1536
    allowed = 3.5 / 2048 * len(values)
    for state in (folded(aggregate, values), merged_in_pieces(aggregate, values, rng), aggregate.gathered(right)):
        rows = aggregate.present(state)
        assert [row["value"] for row in rows] == [value for value, _ in right.most_common(5)]
        assert all(0 <= row["count"] - right[row["value"]] <= allowed for row in rows)


@pytest.mark.parametrize("k", [1, 150, 151, 1000])
def test_top_is_exact_up_to_the_size_it_states(k: int) -> None:
    aggregate = over("integer", agg.top("field", k))
    assert aggregate.bound is not None
    room = aggregate.bound.exact_up_to
    assert room >= 8 * k
    values = [number for number in range(room) for _ in range(1 + number % 3)]
    right = Counter(values)
    state = aggregate.unpack(aggregate.pack(folded(aggregate, values)))
    assert aggregate.present(state) == aggregate.present(folded(aggregate, values))
    assert all(row["count"] == right[row["value"]] for row in aggregate.present(state))


def test_of_nothing_there_are_none() -> None:
    assert nothing(over("text", agg.top("field"))) == []


def test_equally_frequent_values_come_in_their_order() -> None:
    found = answer(over("text", agg.top("field", 3)), ["b", "", None, "Ä", "b", "a"])
    assert found == [{"value": "b", "count": 2}, {"value": "", "count": 1}, {"value": "a", "count": 1}]


def test_values_keep_their_type_through_the_sketch() -> None:
    for kind, value in (("integer", -(2**63)), ("number", 0.1), ("boolean", True), ("text", "\U0001f600\0")):
        (row,) = answer(over(kind, agg.top("field")), [value])  # type: ignore[arg-type]  # kinds, each a Literal
        assert (row["value"], type(row["value"])) == (value, type(value))
    (row,) = answer(over("instant", agg.top("field")), [0])
    assert row["value"] == "1970-01-01T00:00:00Z"


@pytest.mark.parametrize("k", [0, 1001, 2.0, True])
def test_a_number_of_values_that_makes_no_sense_is_refused(k: int) -> None:
    with pytest.raises(DefinitionError, match="k="):
        agg.top("field", k)
