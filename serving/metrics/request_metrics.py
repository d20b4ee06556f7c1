"""What Prometheus is told: requests and events, counted as they come, and what others tell when they are asked."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, generate_latest
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.http.log_lines import ACCESS

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
REASONS_MOST = 40
"""Reasons of one stream that are told apart; types of errors may come from the application's own validators."""
_BUCKETS_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class RequestMetrics:
    """Counts requests and events, and asks the collectors for the rest when it is scraped."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)  # memory, processor time and open files of this process
        self._requests = Counter(
            "anabranch_http_requests",
            "Requests answered, by method, route and status. Status 503 means that the log, the SQL endpoint or the"
            " batch part could not be reached; 504 that the fold was behind.",
            ["method", "route", "status"],
            registry=self._registry,
        )
        self._request_seconds = Histogram(
            "anabranch_http_request_seconds",
            "Seconds from a request's head to its answer's end, time spent waiting for `after` included.",
            ["method", "route"],
            buckets=_BUCKETS_SECONDS,
            registry=self._registry,
        )
        self._events = Counter(
            "anabranch_events",
            "Events posted over HTTP, by stream and by what became of them: accepted, duplicate (its id was known) or"
            " rejected (kept as a dead letter). rate() of accepted is the ingest rate.",
            ["stream", "outcome"],
            registry=self._registry,
        )
        self._reasons = Counter(
            "anabranch_rejected_events",
            "Rejected events by stream and reason, which is the type of their first error, such as missing or"
            " too_far_ahead. GET /v1/streams/{stream}/rejected lists them; mend the sender or the model, and retry.",
            ["stream", "reason"],
            registry=self._registry,
        )
        self._children: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self._event_children: dict[tuple[str, str], Counter] = {}
        self._reasons_known: dict[str, set[str]] = {}

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

    def count_reasons(self, stream: str, reasons: Sequence[str]) -> None:
        """Count rejected events by the reason of each; beyond `REASONS_MOST` they are all ``other``."""
        for reason in reasons:
            known = self._reasons_known.setdefault(stream, set())
            if reason not in known and len(known) >= REASONS_MOST:
                reason = "other"
            known.add(reason)
            self._reasons.labels(stream, reason).inc()


class RequestMeter:
    """Counts every request and how long it took, and logs it if that is wanted."""

    def __init__(self, app: ASGIApp, metrics: RequestMetrics):
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
            seconds = time.perf_counter() - start
            route = scope.get("route")  # the path as it was defined: there are few of those
            path = getattr(route, "path", "none")
            method = scope["method"] if route is not None else "none"
            self.metrics.count_request(method, path, status, seconds)
            if ACCESS.isEnabledFor(logging.INFO):
                _log(scope, status, seconds)


def _log(scope: Scope, status: int, seconds: float) -> None:
    """One line for a request. The path as it came, percent signs and all: it must not break the line."""
    path = scope.get("raw_path", b"").partition(b"?")[0].decode("latin-1")
    client = scope.get("client")
    facts = {
        "method": scope["method"],
        "path": path,
        "status": status,
        "duration_ms": round(seconds * 1e3, 3),
        "client": None if client is None else f"{client[0]}:{client[1]}",
    }
    ACCESS.info("%s %s %d in %.1f ms", scope["method"], path, status, seconds * 1e3, extra=facts)
