from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from eventlog.counting.latency_buckets import LatencyBuckets

BOUNDS = (0.1, 1.0, 2.5)


@given(st.lists(st.floats(0.0, 10.0) | st.sampled_from(BOUNDS)))
def test_a_bucket_counts_what_took_no_longer_than_its_bound(seconds: list[float]) -> None:
    latencies = LatencyBuckets(BOUNDS)
    for duration in seconds:
        latencies.observe(duration)
    expected = [(str(bound), sum(duration <= bound for duration in seconds)) for bound in BOUNDS]
    assert latencies.cumulative() == [*expected, ("+Inf", len(seconds))]
    assert latencies.total_seconds == sum(seconds, 0.0)


def test_what_came_to_nothing_has_no_duration() -> None:
    latencies = LatencyBuckets(BOUNDS)
    latencies.failures += 1
    assert latencies.cumulative()[-1] == ("+Inf", 0)
