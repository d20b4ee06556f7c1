"""Scores: means since the start and over the window, and a series of bounded length."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from speed.learning.scores import POINTS, WINDOW, Scores

BOTH = ("speed", "blend")
ALL = ("batch", "speed", "blend")


def fed(steps: list[tuple[str, ...]]) -> Scores:
    """Each step: an example of these experts; the loss of each is the step's number and its own place."""
    scores = Scores()
    for number, experts in enumerate(steps):
        scores.add(experts, tuple(float(number + place) for place in range(len(experts))), number * 1_000_000)
        if scores.is_due():
            scores.close_point({"speed": 1.0}, None, number)
    return scores


@given(st.lists(st.sampled_from([BOTH, ALL]), max_size=80))
def test_every_expert_has_the_mean_of_the_examples_that_it_predicted(steps: list[tuple[str, ...]]) -> None:
    report = fed(steps).report()
    assert set(report) == {expert for experts in steps for expert in experts}
    for expert, found in report.items():
        own = [float(n + experts.index(expert)) for n, experts in enumerate(steps) if expert in experts]
        assert found == {"loss": sum(own) / len(own), "recent": sum(own) / len(own), "count": len(own)}


def test_the_window_forgets_and_the_whole_does_not() -> None:
    scores = Scores()
    for number in range(WINDOW + 500):
        scores.add(BOTH, (0.0 if number < 500 else 3.0,) * 2, number)
    assert scores.report()["speed"] == {"loss": 3.0 * WINDOW / (WINDOW + 500), "recent": 3.0, "count": WINDOW + 500}


def test_an_expert_that_is_gone_from_the_window_has_no_recent_loss() -> None:
    scores = Scores()
    scores.add(ALL, (1.0, 2.0, 3.0), 0)
    for number in range(WINDOW):
        scores.add(BOTH, (2.0, 2.0), number)
    assert scores.report()["batch"] == {"loss": 1.0, "recent": None, "count": 1}


def test_the_series_has_a_bounded_length_and_loses_no_example() -> None:
    scores = fed([BOTH] * 20_000)
    series = scores.series()
    assert POINTS // 2 <= len(series) <= POINTS
    widest = max(point["count"] for point in series)
    smaller = [point for point in series if point["count"] < widest]
    assert len(smaller) <= 3  # of an odd number of neighbours the last is left alone
    assert 20_000 - scores.examples_a_point < sum(point["count"] for point in series) <= 20_000
    assert [point["time"] for point in series] == sorted(point["time"] for point in series)
    whole = sum(point["loss"]["speed"] * point["count"] for point in series)
    counted = sum(point["count"] for point in series)
    assert whole == sum(range(counted))


def test_a_change_of_experts_ends_a_point_so_that_its_means_compare() -> None:
    scores = fed([BOTH] * 3 + [ALL] * 16)
    first, second = scores.series()
    assert (first["count"], set(first["loss"]), first["at"]) == (3, set(BOTH), None)
    assert (second["count"], set(second["loss"]), second["at"]) == (16, set(ALL), "0:18")
    assert (first["time"], second["time"]) == ("1970-01-01T00:00:00Z", "1970-01-01T00:00:03Z")
