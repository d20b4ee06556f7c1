"""What Prometheus is told."""

from __future__ import annotations

import time
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from eventlog.errors import LogUnavailableError
from serving.service import Service

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """Counts requests and events, and asks the service for the rest when it is scraped."""

    def __init__(self, service: Service):
        self._registry = CollectorRegistry()
        self._registry.register(_State(service))
        self._requests = Counter(
            "anabranch_http_requests", "Requests answered.", ["method", "route", "status"], registry=self._registry
        )
        self._request_seconds = Histogram(
            "anabranch_http_request_seconds",
            "Seconds from a request's head to its answer's end.",
            ["method", "route"],
            buckets=_BUCKETS_SECONDS,
            registry=self._registry,
        )
        self._events = Counter(
            "anabranch_events",
            "Events posted, by what became of them: accepted, duplicate or rejected.",
            ["stream", "outcome"],
            registry=self._registry,
        )
        self._children: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self._event_children: dict[tuple[str, str], Counter] = {}

    def register(self, collector: Collector) -> None:
        """Tell also what `collector` collects."""
        self._registry.register(collector)

    def text(self) -> bytes:
        """Everything, in Prometheus' text format."""
        return generate_latest(self._registry)

    def count_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        children = self._children.get((method, route, status))
        if children is None:
            children = self._children[(method, route, status)] = (
                self._requests.labels(method, route, str(status)),
                self._request_seconds.labels(method, route),
            )
        children[0].inc()
        children[1].observe(seconds)

    def count_events(self, stream: str, *, accepted: int, duplicates: int, rejected: int) -> None:
        """Count the events of a request by what became of them."""
        for outcome, count in (("accepted", accepted), ("duplicate", duplicates), ("rejected", rejected)):
            if count:
                child = self._event_children.get((stream, outcome))
                if child is None:
                    child = self._event_children[(stream, outcome)] = self._events.labels(stream, outcome)
                child.inc(count)


class Measured:
    """Counts every request and how long it took."""

    def __init__(self, app: ASGIApp, metrics: Metrics):
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status = 500

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        start = time.perf_counter()
        try:
            await self.app(scope, receive, sent)
        finally:
            route = scope.get("route")  # the path as it was defined: there are few of those
            path = getattr(route, "path", "none")
            method = scope["method"] if route is not None else "none"
            self.metrics.count_request(method, path, status, time.perf_counter() - start)


class _State(Collector):
    """The state of the fold at the moment of a scrape."""

    def __init__(self, service: Service):
        self._service = service

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        consumer = self._service.consumer
        publication = consumer.publication
        yield _gauge("anabranch_fold_offset", "Records folded so far, of the whole log.", sum(consumer.cut.offsets))
        try:
            end = sum(self._service.log.end().offsets)
            yield _gauge("anabranch_log_end_offset", "Records in the log.", end)
        except LogUnavailableError:
            pass  # its absence says so; the rest is worth having
        yield _gauge("anabranch_lag_seconds", "Age of the oldest record that is not folded.", consumer.lag_seconds())
        yield _gauge("anabranch_caught_up", "1 once the fold has caught up since the start.", consumer.caught_up)
        yield _gauge("anabranch_trouble", "1 while the fold cannot go on.", consumer.problem is not None)
        if publication is not None:
            yield _gauge("anabranch_generation", "The generation that is served.", publication.generation)
            yield _gauge("anabranch_batch_offset", "Records it covers.", sum(publication.cut.offsets))
        yield CounterMetricFamily(
            "anabranch_records_folded", "Records folded by this process.", value=consumer.records_folded
        )
        failures = CounterMetricFamily(
            "anabranch_view_failures", "Events on which a function of the view raised.", labels=["view"]
        )
        for view in self._service.app.views:
            failures.add_metric([view], consumer.failures_by_view.get(view, 0))
        yield failures


def _gauge(name: str, description: str, value: float) -> Metric:
    return GaugeMetricFamily(name, description, value=float(value))
