"""distinct: how many different values, exactly up to its size, and within its bound beyond."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anabranch import DefinitionError, agg
from tests.anabranch.agg.folding import answer, folded, merged_in_pieces, nothing, over


@pytest.mark.parametrize("count", [4096, 4097, 6000, 7681, 20_000])
def test_distinct_depends_on_the_set_of_values_alone(count: int) -> None:
    """Not on their order, repetitions, slices, or how often it was packed, beyond its nominal size too."""
    aggregate, rng = over("text", agg.distinct("field")), random.Random(count)
    values = [f"rider {number}" for number in range(count)]
    (expected,) = aggregate.pack(folded(aggregate, values))
    for _ in range(3):
        again = values + rng.choices(values, k=count // 2)
        rng.shuffle(again)
        assert aggregate.pack(folded(aggregate, again)) == (expected,)
        assert aggregate.pack(merged_in_pieces(aggregate, again, rng)) == (expected,)
        assert aggregate.pack(aggregate.gathered(set(again))) == (expected,)


@settings(max_examples=30)
@given(st.lists(st.integers(0, 2000), max_size=400), st.randoms(use_true_random=False))
def test_a_small_distinct_sketch_does_not_depend_on_order_either(values: list[int], rng: random.Random) -> None:
    aggregate = over("integer", agg.distinct("field", precision=5))
    shuffled = list(values)
    rng.shuffle(shuffled)
    assert aggregate.pack(folded(aggregate, values)) == aggregate.pack(merged_in_pieces(aggregate, shuffled, rng))


def test_distinct_is_exact_up_to_its_size_and_within_its_bound_beyond() -> None:
    aggregate = over("integer", agg.distinct("field"))
    assert aggregate.present(folded(aggregate, list(range(4096)))) == 4096
    errors = []
    for start in range(0, 40_000_000, 1_000_000):
        count = 5_000 + start // 2_000
        errors.append(abs(aggregate.present(folded(aggregate, list(range(start, start + count)))) / count - 1))
    assert sum(error > 2 / 64 for error in errors) <= 4, "more than 1 in 10 beyond what holds in 95 of 100 cases"


def test_distinct_counts_the_empty_text_and_tells_signed_zeros_not_apart() -> None:
    texts, numbers = over("text", agg.distinct("field")), over("number", agg.distinct("field"))
    for aggregate, values, count in ((texts, ["", "\0", "a"], 3), (numbers, [0.0, -0.0, 1.0], 2)):
        state = folded(aggregate, values)
        assert aggregate.present(state) == count
        assert aggregate.present(aggregate.unpack(aggregate.pack(state))) == count


def test_of_nothing_there_are_none() -> None:
    assert nothing(over("text", agg.distinct("field"))) == 0


@pytest.mark.parametrize(
    ("kind", "values", "count"),
    [
        ("integer", [2**63 - 1, -(2**63), None, 2**63 - 1], 2),
        ("boolean", [True, False, True], 2),
        ("text", ["e\u0301", "é", "\U0001f600", ""], 4),
        ("instant", [0, 1, 1], 2),
    ],
)
def test_values_of_every_kind_are_told_apart(kind: Any, values: list[Any], count: int) -> None:
    assert answer(over(kind, agg.distinct("field")), values) == count


@pytest.mark.parametrize("precision", [4, 21, 12.0, True])
def test_a_precision_that_makes_no_sense_is_refused(precision: int) -> None:
    with pytest.raises(DefinitionError, match="precision="):
        agg.distinct("field", precision=precision)
