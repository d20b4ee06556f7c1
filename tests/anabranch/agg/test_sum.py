"""sum: of all values."""

from fractions import Fraction

import duckdb
from hypothesis import given
from hypothesis import strategies as st

from anabranch import agg
from anabranch.agg.judgement import ROUNDING
from tests.anabranch.agg.folding import answer, folded, nothing, over

LEAST, MOST = -(2**63), 2**63 - 1


def test_whole_numbers_sum_exactly_beyond_64_bits() -> None:
    aggregate = over("integer", agg.sum("field"))
    assert answer(aggregate, [MOST, MOST, None, 1]) == 2**64 - 1
    assert answer(aggregate, [LEAST] * 5) == -5 * 2**63
    large = folded(aggregate, [MOST, MOST])
    assert aggregate.present(aggregate.merge(large, folded(aggregate, [LEAST] * 2))) == -2


def test_booleans_sum_as_one_and_nought() -> None:
    assert answer(over("boolean", agg.sum("field")), [True, False, True, None]) == 2


def test_the_sum_of_nothing_is_nought() -> None:
    assert nothing(over("integer", agg.sum("field"))) == 0
    assert nothing(over("number", agg.sum("field"))) == 0.0


def test_analysts_see_null_where_a_sum_needs_more_than_64_bits() -> None:
    aggregate = over("integer", agg.sum("field"))
    for values, shown in (([MOST, 0], MOST), ([MOST, 1], None), ([LEAST, -1], None), ([LEAST, 0], LEAST)):
        high, low = aggregate.pack(folded(aggregate, values))
        (found,) = duckdb.execute(f"SELECT {aggregate.present_sql([f'({high})::BIGINT', str(low)])}").fetchone() or ()
        assert found == shown


@given(st.lists(st.floats(-1e300, 1e300)))
def test_floats_sum_within_their_stated_rounding(values: list[float]) -> None:
    found = answer(over("number", agg.sum("field")), values)
    exact = sum(map(Fraction, values))
    assert abs(Fraction(found) - exact) <= ROUNDING * sum(map(abs, map(Fraction, values)))


def test_a_sum_beyond_the_range_of_a_float_is_none() -> None:
    assert answer(over("number", agg.sum("field")), [1.7e308, 1.7e308]) is None
