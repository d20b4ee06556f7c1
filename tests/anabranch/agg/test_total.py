"""The sums that `sum` and `mean` share: the arithmetic has one home, and what is written in line is held to it."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import duckdb
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from anabranch import agg
from anabranch.agg.total import CompensatedTotal, ExactTotal, Total
from tests.anabranch.agg.folding import folded, over

FLOATS = st.none() | st.floats(allow_nan=False) | st.floats(-1e6, 1e6) | st.sampled_from([1e16, -1e16, 1.0, -0.0])
WHOLE = st.none() | st.integers(-(2**63), 2**63 - 1)
COMPENSATED, EXACT = CompensatedTotal(), ExactTotal()


def added(total: Total, values: list[Any]) -> list[Any]:
    """By `add`, the one home of the arithmetic; the count behind."""
    state = [*total.zero(), 0]
    for value in values:
        if value is not None:
            total.add(state, value)
            state[-1] += 1
    return state


def bits(state: Any) -> Any:
    """To the bit, with NaN equal to itself and -0.0 not to 0.0."""
    return repr(state)


@given(st.floats(-1e300, 1e300), st.floats(-1e300, 1e300))
def test_a_compensated_addition_loses_nothing(one: float, two: float) -> None:
    high, low, _ = added(COMPENSATED, [one, two])
    assert high == one + two
    assert Fraction(high) + Fraction(low) == Fraction(one) + Fraction(two)


@pytest.mark.parametrize(("total", "values"), [(COMPENSATED, FLOATS), (EXACT, WHOLE)], ids=["floats", "whole numbers"])
@given(data=st.data())
def test_every_fold_is_add_in_a_loop_to_the_bit(total: Total, values: st.SearchStrategy[Any], data: Any) -> None:
    found = data.draw(st.lists(values))
    expected = added(total, found)
    plain, counting = [None, total.zero()], [None, [*total.zero(), 0]]
    total.fold(1, [plain] * len(found), found)
    total.fold_counting(1, [counting] * len(found), found)
    assert bits(plain[1]) == bits(expected[:-1])
    assert bits(counting[1]) == bits(expected)


@pytest.mark.parametrize(("total", "values"), [(COMPENSATED, FLOATS), (EXACT, WHOLE)], ids=["floats", "whole numbers"])
@given(data=st.data())
def test_the_value_of_a_merge_is_that_of_merging_to_the_bit(
    total: Total, values: st.SearchStrategy[Any], data: Any
) -> None:
    one, two = (added(total, data.draw(st.lists(values, max_size=5))) for _ in range(2))
    before = bits((one, two))
    found = total.merged_value(one, two)
    assert bits((one, two)) == before
    total.merge(one, two)
    assert bits(found) == bits(total.value(one))


@given(st.lists(st.integers(-(2**63), 2**63 - 1)))
@example([2**63 - 1] * 9)
@example([-(2**63)] * 9)
def test_whole_numbers_survive_their_two_halves(values: list[int]) -> None:
    state = added(EXACT, values)
    high, low = EXACT.pack(state)
    assert -(2**63) <= high < 2**63
    assert 0 <= low < 2**32
    assert EXACT.unpack((high, low)) == [sum(values)]


def test_what_rounding_loses_is_kept_through_merging_and_packing() -> None:
    aggregate = over("number", agg.sum("field"))
    state = aggregate.zero()
    for _ in range(3):
        part = folded(aggregate, [1e16, 1.0, -1e16])
        state = aggregate.merge(aggregate.unpack(aggregate.pack(state)), part)
    assert aggregate.present(state) == 3.0


def test_sums_that_leave_the_range_of_a_float_have_no_value_and_stay_so() -> None:
    for aggregate in (over("number", agg.sum("field")), over("number", agg.mean("field"))):
        lost = aggregate.merge(folded(aggregate, [1.7e308, 1.7e308]), folded(aggregate, [-1.7e308, -1.7e308, 1.0]))
        assert aggregate.present(lost) is None
        assert aggregate.present(aggregate.unpack(aggregate.pack(lost))) is None
        assert not any(value != value for value in aggregate.pack(lost)), "NaN would be NULL in SQLite"
    spread = over("number", agg.variance("field"))
    assert spread.present(spread.merge(folded(spread, [1.0]), folded(spread, [1e200, 1.0]))) is None


def test_sql_sums_that_leave_the_range_of_a_float_have_no_value_either() -> None:
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE t AS SELECT unnest([1.7e308::DOUBLE, 1.7e308, -1.0, NULL]) AS v")
        for aggregate in (agg.sum("field"), agg.mean("field"), agg.variance("field")):
            bound = over("number", aggregate)
            packed = connection.execute(f"SELECT {', '.join(bound.fold_sql('v', '') or ())} FROM t").fetchone()
            assert packed is not None
            assert not any(value != value for value in packed), "NaN would be NULL in SQLite"
            assert bound.present(bound.unpack(packed)) is None
            names = [column.name for column in bound.columns]
            literals = [f"{value!r}::DOUBLE" if value != float("inf") else "'inf'::DOUBLE" for value in packed]
            states = "SELECT " + ", ".join(f'{v} AS "{n}"' for v, n in zip(literals, names, strict=True))
            joint = connection.execute(
                f"SELECT {', '.join(bound.merge_sql(names) or ())} FROM ({states} UNION ALL {states})"
            ).fetchone()
            assert joint is not None
            assert bound.present(bound.unpack(joint)) is None
