"""What Prometheus is told of connections that the server ended, of which no route has heard."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector


class ConnectionMetrics(Collector):
    """Tells how many there were of each reason.

    Parameters
    ----------
    ended
        The server's count, by reason; it goes on counting there.
    """

    def __init__(self, ended: Mapping[str, int]):
        self._ended = ended

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        family = CounterMetricFamily(
            "anabranch_connections_ended",
            "Connections that the server ended before their time, by reason: the kind of the problem that was answered"
            " (head-too-large, request-too-slow, too-many-connections, malformed-request), answer-not-taken, or"
            " made-room, when others were waiting. They are not among the requests. See docs/security.md.",
            labels=["reason"],
        )
        for reason, count in sorted(self._ended.items()):
            family.add_metric([reason], count)
        yield family
