"""What Prometheus is told of batch runs."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from eventlog.errors import LogUnavailableError
from eventlog.registry.runs import Run
from serving.metrics.state_metrics import gauge
from serving.service import Service

_FAILED = ("failed", "abandoned")
_LOOKED_AT = 5


class BatchMetrics(Collector):
    """Asks the registry of runs. The runs are processes of their own, which live too shortly to be scraped."""

    def __init__(self, service: Service):
        self._service = service

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        next_run = self._service.next_run()
        if next_run is not None:
            yield gauge(
                "anabranch_batch_next_run_timestamp_seconds",
                "When ANABRANCH_BATCH_CRON starts the next batch run, in seconds since 1970.",
                next_run / 1e6,
            )
        try:
            newest = self._service.runs.list(_LOOKED_AT)
            published = next(iter(self._service.runs.list(1, status="published")), None)
        except LogUnavailableError:
            return  # their absence says so
        ended = next((run for run in newest if run.status != "running"), None)
        yield gauge(
            "anabranch_batch_running",
            "1 while a batch run is under way.",
            any(run.status == "running" for run in newest),
        )
        yield gauge(
            "anabranch_batch_failed",
            "1 if the newest batch run that ended did not publish: the last generation stays in force. See anabranch"
            " batch show RUN.",
            ended is not None and ended.status in _FAILED,
        )
        if published is not None:
            yield from _of_published(published)


def _of_published(run: Run) -> Iterator[Metric]:
    finished = run.started if run.finished is None else run.finished
    yield gauge(
        "anabranch_batch_published_timestamp_seconds",
        "When the newest batch run that published ended, in seconds since 1970.",
        finished / 1e6,
    )
    yield gauge(
        "anabranch_batch_run_seconds",
        "Seconds that the newest batch run that published took.",
        (finished - run.started) / 1e6,
    )
    yield gauge("anabranch_batch_run_events", "Records of the log that it folded anew.", run.events or 0)
    stages = GaugeMetricFamily(
        "anabranch_batch_stage_seconds",
        "Seconds that each stage of the newest batch run that published took. fold and replay grow with what is new,"
        " train with all of history.",
        labels=["stage"],
    )
    for stage in run.stages:
        stages.add_metric([stage["name"]], stage["seconds"])
    yield stages
