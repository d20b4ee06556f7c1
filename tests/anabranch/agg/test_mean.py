"""mean: the arithmetic mean of all values."""

from anabranch import agg
from tests.anabranch.agg.folding import answer, folded, nothing, over


def test_missing_values_count_for_nothing() -> None:
    assert answer(over("number", agg.mean("field")), [1.0, None, 2.0]) == 1.5
    assert answer(over("boolean", agg.mean("field")), [True, None, False]) == 0.5


def test_the_mean_of_nothing_is_none() -> None:
    for kind in ("integer", "number", "boolean"):
        aggregate = over(kind, agg.mean("field"))
        assert nothing(aggregate) is None
        assert aggregate.present_merged(aggregate.zero(), aggregate.zero()) is None


def test_empty_tiles_change_no_mean() -> None:
    aggregate = over("number", agg.mean("field"))
    state = folded(aggregate, [4.0])
    for _ in range(3):
        state = aggregate.merge(aggregate.merge(aggregate.zero(), state), aggregate.zero())
    assert aggregate.present(state) == 4.0


def test_means_of_large_whole_numbers_do_not_overflow() -> None:
    aggregate = over("integer", agg.mean("field"))
    assert answer(aggregate, [2**63 - 1] * 3) == float(2**63 - 1)
    assert answer(aggregate, [-(2**63), 2**63 - 1]) == -0.5


def test_a_mean_of_unequal_parts_weighs_them() -> None:
    aggregate = over("number", agg.mean("field"))
    assert aggregate.present(aggregate.merge(folded(aggregate, [0.0, 0.0, 0.0]), folded(aggregate, [4.0]))) == 1.0


def test_floats_that_cancel_leave_their_mean() -> None:
    assert answer(over("number", agg.mean("field")), [1e16, 1.0, -1e16, 0.0]) == 0.25
