"""quantile: the value below which a given share of the values lies, to a stated relative error."""

from __future__ import annotations

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anabranch import DefinitionError, agg
from anabranch.agg.aggregate import Aggregate
from tests.anabranch.agg.folding import answer, folded, nothing, over


@given(
    st.lists(st.floats(1e-3, 1e6) | st.floats(-1e6, -1e-3) | st.just(0.0), min_size=1, max_size=200),
    st.floats(0, 1),
    st.sampled_from([0.001, 0.01, 0.05]),
)
def test_a_quantile_is_within_its_relative_error(values: list[float], q: float, error: float) -> None:
    aggregate: Aggregate = over("number", agg.quantile("field", q, error=error))
    right = sorted(values)[int(q * (len(values) - 1))]
    assert abs(aggregate.present(folded(aggregate, values)) - right) <= abs(right) * error * (1 + 1e-9)


def test_a_quantile_takes_every_float_that_json_can_hold() -> None:
    aggregate: Aggregate = over("number", agg.quantile("field", 1))
    for value in (1.7976931348623157e308, -1.7976931348623157e308, 5e-324, 2**63 - 1):
        found = aggregate.present(folded(aggregate, [value]))
        assert abs(found - value) <= 0.01 * (1 + 1e-9) * abs(value) + 1e-300


def test_values_gathered_by_duckdb_fall_into_the_buckets_of_python() -> None:
    """Also those on the very edge of a bucket, where logarithms of different libraries may part."""
    aggregate: Aggregate = over("number", agg.quantile("field", 0.5))
    gamma = 1.01 / 0.99
    values = [sign * gamma**power for power in range(-200, 200) for sign in (1, -1)]
    with duckdb.connect() as connection:
        query = f"SELECT {aggregate.gather_sql('value', '')} FROM (SELECT unnest(?::DOUBLE[]) AS value)"
        (found,) = connection.execute(query, [values]).fetchone() or ()
    assert aggregate.pack(aggregate.gathered(found)) == aggregate.pack(folded(aggregate, values))


def test_the_quantile_of_nothing_is_none() -> None:
    assert nothing(over("number", agg.quantile("field", 0.5))) is None


def test_of_an_even_number_of_values_the_lower_middle_one_is_the_median() -> None:
    assert abs(answer(over("integer", agg.quantile("field", 0.5)), [1, None, 1000, 10, 100]) - 10) <= 0.1


def test_negative_values_lie_below_zero() -> None:
    aggregate = over("integer", agg.quantile("field", 0))
    assert abs(answer(aggregate, [5, 0, -(2**63)]) + 2**63) <= 0.01 * 2**63
    assert answer(over("number", agg.quantile("field", 0.5)), [-1.0, -0.0, 1.0]) == 0.0


@pytest.mark.parametrize(("q", "error"), [(-0.1, 0.01), (1.1, 0.01), (True, 0.01), (0.5, 0.0), (0.5, 0.6)])
def test_parameters_that_make_no_sense_are_refused(q: float, error: float) -> None:
    with pytest.raises(DefinitionError, match=r"q=|error="):
        agg.quantile("field", q, error=error)
