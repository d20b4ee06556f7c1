"""What is counted for Prometheus, and what the epochs are told to weigh."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from eventlog.counting.latency_buckets import LatencyBuckets
from serving.metrics.request_metrics import REASONS_MOST, RequestMetrics
from speed.epoch_sizes import sizes_by_view
from tests.serving.conftest import NOW, Home, publish, rental


def samples(home: Home) -> dict[tuple[str, ...], float]:
    """The value of every sample by its name and the values of its labels, these in the order of their names."""
    text = home.client.get("/metrics").text
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_rejected_events_are_told_by_their_first_reason(home: Home) -> None:
    far = rental(3, started="2099-01-01T00:00:00Z")
    home.client.post("/v1/streams/rentals/events", json=[{}, {"rental_id": "1"}, rental(2, minutes=-1), far])
    told = samples(home)
    reasons = {labels[0]: value for (name, *labels), value in told.items() if name == "anabranch_rejected_events_total"}
    assert reasons == {"missing": 2, "greater_than_equal": 1, "too_far_ahead": 1}


def test_reasons_beyond_the_most_are_told_together() -> None:
    metrics = RequestMetrics()
    metrics.count_reasons("rentals", [f"custom_{number}" for number in range(REASONS_MOST + 5)])
    text = metrics.text().decode()
    assert text.count("anabranch_rejected_events_total{") == REASONS_MOST + 1
    assert 'anabranch_rejected_events_total{reason="other",stream="rentals"} 5.0' in text


def test_commits_are_a_histogram(make_home: Callable[..., Home]) -> None:
    commits = LatencyBuckets()
    for seconds in (0.002, 0.03, 20.0):
        commits.observe(seconds)
    commits.failures += 1
    told = samples(make_home(commits=commits))
    name = "anabranch_commit_seconds"
    assert [told[f"{name}_bucket", bound] for bound in ("0.001", "0.0025", "0.05", "+Inf")] == [0, 1, 2, 3]
    assert told[f"{name}_count",] == 3
    assert told[f"{name}_sum",] == pytest.approx(20.032)
    assert told["anabranch_commit_failures_total",] == 1


def test_the_log_counts_its_own_commits(home: Home) -> None:
    home.post(rental(1))
    home.post(rental(2))
    assert home.service.log.commits.cumulative()[-1] == ("+Inf", 2)  # type: ignore[attr-defined]


def test_views_are_told_by_keys_and_tiles_of_both_layers(home: Home) -> None:
    home.post(rental(1), rental(2, "b"), rental(3, started="2023-11-01T12:20:00Z"))
    publish(home)
    home.post(rental(4, "c"))
    home.rows("usage")
    told = samples(home)
    assert told["anabranch_view_keys", "usage"] == 1
    assert [told["anabranch_view_tiles", layer, "usage"] for layer in ("speed", "batch")] == [1, 3]
    assert 200 < told["anabranch_epoch_bytes", "usage"] < 4_000
    assert told["anabranch_epochs",] == 1


@pytest.mark.parametrize("counted", [10_000, 10])
def test_the_tiles_of_very_many_keys_are_estimated(home: Home, counted: int) -> None:
    hours = ("10", "11", "12")
    events = [
        rental(3 * number + turn, f"station {number}", f"2023-11-01T{hour}:20:00Z")
        for number in range(300)
        for turn, hour in enumerate(hours)
    ]
    home.post(*events)
    home.rows("usage")
    exact = home.service.speed.sizes()["usage"]
    found = sizes_by_view(home.service.app.views, home.consumer.reader.holding, counted, spread_keys=50)
    assert (found["usage"].keys, found["usage"].tiles) == (300, 900)
    assert found["usage"].bytes == pytest.approx(exact.bytes, rel=0.05)
    assert (found["riders"].keys, found["riders"].tiles) == (300, 300)


def test_batch_runs_are_told_by_stage_and_by_how_they_ended(make_home: Callable[..., Home]) -> None:
    home = make_home(next_run=lambda: NOW + 60_000_000)
    assert ("anabranch_batch_stage_seconds", "fold") not in samples(home)
    run = replace(home.service.runs.start("r1", full=False, pid=1), events=12)
    stages: list[dict[str, Any]] = [{"name": "fold", "done": 12, "total": 12, "seconds": 2.5}]
    home.service.runs.finish(replace(run, stages=stages), "published", generation=1)
    failed = home.service.runs.start("r2", full=False, pid=1)
    told = samples(home)
    assert (told["anabranch_batch_running",], told["anabranch_batch_failed",]) == (1, 0)
    home.service.runs.finish(failed, "failed", error="planted")
    told = samples(home)
    assert (told["anabranch_batch_running",], told["anabranch_batch_failed",]) == (0, 1)
    assert told["anabranch_batch_stage_seconds", "fold"] == 2.5
    assert told["anabranch_batch_run_events",] == 12
    assert told["anabranch_batch_next_run_timestamp_seconds",] == NOW / 1e6 + 60
