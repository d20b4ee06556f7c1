"""A forecast: what is answered follows from the parts and the weights that are told."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf, nan
from typing import Any

import pytest

from anabranch import Cut
from speed.base_layer import Part
from speed.learning.forecast import Bounds, PendingForecast, among


class Champion:
    """One that is there; what it says is handed to `answer`."""

    version = 3

    def predict(self, rows: Any) -> list[Part]:
        raise NotImplementedError


def pending(
    parts: Mapping[str, Part | None],
    shares: Mapping[str, float],
    bounds: Bounds | None = None,
    *,
    champion: bool = True,
) -> PendingForecast:
    predictor = Champion() if champion else None
    version = 3 if champion else None
    return PendingForecast({}, parts, predictor, version, shares, bounds or Bounds(0.0, 100.0), None, Cut())


SHARES = {"batch": 0.25, "speed": 0.75}


def test_the_prediction_is_the_weighted_mean_of_the_parts() -> None:
    found = pending({"speed": 8.0}, SHARES).answer(4.0)
    assert (found.prediction, found.parts, found.weights) == (7.0, {"batch": 4.0, "speed": 8.0}, SHARES)


@pytest.mark.parametrize("says", [None, nan, inf, -inf])
def test_a_champion_that_says_nothing_finite_leaves_its_weight_to_the_others(says: float | None) -> None:
    found = pending({"speed": 8.0}, SHARES).answer(says)
    assert (found.prediction, found.parts) == (8.0, {"batch": None, "speed": 8.0})
    assert found.weights == {"batch": 0.0, "speed": 1.0}


def test_nobody_has_learnt_anything_yet() -> None:
    found = pending({"speed": None}, SHARES).answer(None)
    assert (found.prediction, found.parts) == (None, {"batch": None, "speed": None})
    assert found.weights == {"batch": 0.0, "speed": 0.0}


def test_without_a_champion_none_is_told() -> None:
    found = pending({"speed": 8.0}, {"speed": 1.0}, champion=False).answer(None)
    assert (found.prediction, found.parts, found.weights) == (8.0, {"speed": 8.0}, {"speed": 1.0})


def test_parts_are_told_as_they_were_taken_within_the_range_of_labels() -> None:
    found = pending({"speed": -5.0}, SHARES).answer(1e9)
    assert (found.prediction, found.parts) == (25.0, {"batch": 100.0, "speed": 0.0})


def test_probabilities_are_mixed_class_by_class_also_where_one_does_not_know_a_class() -> None:
    found = pending({"speed": {"a": 0.5, "b": 0.5}}, SHARES).answer({"a": 1.0})
    assert found.prediction == {"a": 0.625, "b": 0.375}


def test_experts_without_weight_share_it_equally_where_they_are_alone() -> None:
    assert among({"batch": 1.0, "speed": 0.0, "tree": 0.0}, {"speed": 1, "tree": 1, "stranger": 1}) == {
        "speed": 0.5,
        "tree": 0.5,
    }


def test_a_range_that_nobody_has_seen_bounds_nothing() -> None:
    bounds = Bounds()
    assert (bounds.clip(1e9), bounds.has(0.0), bounds.is_far(1e9)) == (1e9, False, False)


@pytest.mark.parametrize(
    ("value", "clipped", "has", "far"),
    [(2.0, 2.0, True, False), (4.0, 4.0, True, False), (0.0, 2.0, False, False), (-0.1, 2.0, False, True),
     (6.0, 4.0, False, False), (6.1, 4.0, False, True)],
)  # fmt: skip
def test_a_number_is_within_near_or_far(value: float, clipped: float, has: bool, far: bool) -> None:
    bounds = Bounds(2.0, 4.0)
    assert (bounds.clip(value), bounds.has(value), bounds.is_far(value)) == (clipped, has, far)
