"""A law: a loss is the same whoever computes it, one at a time, in an array, or in SQL."""

from __future__ import annotations

from math import log
from typing import Any

import duckdb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anabranch.metric import LEAST_PROBABILITY, Metric, loss, loss_sql, losses
from speed.blend import slope
from speed.learning.part_losses import measure_of

NUMBERS = st.floats(-1e37, 1e37)
PAIRS = st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=20)
PROBABILITIES = st.lists(st.none() | st.floats(0.0, 1.0 + 1e-9), min_size=1, max_size=20)


@pytest.mark.parametrize("metric", ["squared_error", "absolute_error"])
@given(pairs=PAIRS)
def test_a_number_costs_the_same_to_the_bit_in_all_three_forms(
    metric: Metric, pairs: list[tuple[float, float]]
) -> None:
    predictions, labels = map(list, zip(*pairs, strict=True))
    expected = [loss(metric, prediction, label) for prediction, label in pairs]
    assert losses(metric, np.array(predictions), np.array(labels)).tolist() == expected
    query = f"SELECT {loss_sql(metric, 'p', 'y')} FROM (SELECT unnest(?::DOUBLE[]) AS p, unnest(?::DOUBLE[]) AS y)"
    assert [row[0] for row in duckdb.execute(query, [predictions, labels]).fetchall()] == expected


@given(PROBABILITIES)
def test_a_probability_costs_the_same_in_all_three_forms(given_: list[float | None]) -> None:
    """None: a class that the prediction does not name."""
    maps: list[dict[str, float]] = [{} if p is None else {"it": p} for p in given_]
    expected = [loss("log_loss", probabilities, "it") for probabilities in maps]
    found = [p or 0.0 for p in given_]
    assert losses("log_loss", np.array(found), None).tolist() == pytest.approx(expected, rel=1e-12)
    query = f"SELECT {loss_sql('log_loss', 'p', None)} FROM (SELECT unnest(?::DOUBLE[]) AS p)"
    rows = duckdb.execute(query, [found]).fetchall()
    assert [row[0] for row in rows] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("metric", ["squared_error", "absolute_error"])
@given(parts=st.lists(NUMBERS, min_size=1, max_size=4), blended=NUMBERS, label=NUMBERS)
def test_all_numbers_at_once_cost_what_each_of_them_does(
    metric: Metric, parts: list[float], blended: float, label: float
) -> None:
    check_all_at_once(metric, {str(number): part for number, part in enumerate(parts)}, blended, label)


@given(
    st.dictionaries(st.sampled_from("abc"), st.dictionaries(st.sampled_from("xyz"), st.floats(0.0, 1.0)), min_size=1),
    st.dictionaries(st.sampled_from("xyz"), st.floats(0.0, 1.0)),
    st.sampled_from("xyz"),
)
def test_all_probabilities_at_once_cost_what_each_of_them_does(
    parts: dict[str, dict[str, float]], blended: dict[str, float], label: str
) -> None:
    check_all_at_once("log_loss", parts, blended, label)


def check_all_at_once(metric: Metric, parts: dict[str, Any], blended: Any, label: Any) -> None:
    """The measure of the speed layer is, to the bit, what `loss` and `slope` say of each."""
    assert measure_of(metric)(parts, blended, label) == (
        {name: loss(metric, part, label) for name, part in parts.items()},
        {name: slope(metric, part, blended, label) for name, part in parts.items()},
        loss(metric, blended, label),
    )


def test_what_is_unknown_costs_nothing_that_is_known() -> None:
    for metric in ("squared_error", "absolute_error", "log_loss"):
        query = f"SELECT {loss_sql(metric, 'NULL::DOUBLE', None if metric == 'log_loss' else '1.0')}"
        assert duckdb.execute(query).fetchall() == [(None,)]


def test_a_class_that_was_never_thought_of_costs_no_more_than_the_least_probability() -> None:
    assert loss("log_loss", {"a": 1.0}, "b") == -log(LEAST_PROBABILITY)


def test_more_than_all_probability_is_taken_for_all() -> None:
    assert loss("log_loss", {"a": 1.0 + 1e-12}, "a") == 0.0
