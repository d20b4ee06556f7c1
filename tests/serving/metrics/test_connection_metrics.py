"""Connections that were ended, as Prometheus is told of them."""

from __future__ import annotations

from collections import Counter

from prometheus_client import CollectorRegistry

from serving.metrics.connection_metrics import ConnectionMetrics


def test_every_reason_is_told_from_the_beginning_and_counts_on() -> None:
    ended = Counter({"head-too-large": 0, "made-room": 0})
    registry = CollectorRegistry()
    registry.register(ConnectionMetrics(ended))

    def told() -> dict[str, float | None]:
        name = "anabranch_connections_ended_total"
        return {reason: registry.get_sample_value(name, {"reason": reason}) for reason in ended}

    assert told() == {"head-too-large": 0.0, "made-room": 0.0}
    ended["made-room"] += 2
    assert told() == {"head-too-large": 0.0, "made-room": 2.0}
