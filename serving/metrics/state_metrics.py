"""What Prometheus is told of the log, the fold, the views and the generation, at the moment of a scrape."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from anabranch.instant import instant_us
from batch.errors import GenerationError
from eventlog.errors import LogUnavailableError
from serving.answers.staleness import lag_seconds
from serving.service import Service


class StateMetrics(Collector):
    """Asks the parts of a service."""

    def __init__(self, service: Service):
        self._service = service

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        yield from self._log()
        manifest = self._manifest()
        yield from self._fold(manifest)
        yield from self._views(manifest)
        yield from self._generation(manifest)

    def _log(self) -> Iterator[Metric]:
        service = self._service
        try:
            end = sum(service.log.end().offsets)
            yield gauge("anabranch_log_end_offset", "Records in the log. Absent while the log cannot be reached.", end)
        except LogUnavailableError:
            pass  # the rest is worth having
        yield gauge(
            "anabranch_read_only",
            "1 while nothing is accepted, because the log and what was made of it do not fit. GET /readyz says what;"
            " anabranch restore brings them together.",
            service.log.misfit is not None,
        )
        yield from self._rejected()
        commits = service.commits
        yield HistogramMetricFamily(
            "anabranch_commit_seconds",
            "Seconds that a commit to the log took until it was durable. One commit holds all that was posted while the"
            " one before went on. If it grows, the disk or the database is slow.",
            buckets=commits.cumulative(),
            sum_value=commits.total_seconds,
        )
        yield CounterMetricFamily(
            "anabranch_commit_failures",
            "Commits that failed: disk full, database locked or away. Clients were told 503 and retry.",
            value=commits.failures,
        )
        home = service.generations.blobs.cache.parent
        if home.is_dir():
            yield gauge(
                "anabranch_disk_free_bytes",
                "Bytes free where the home is. Ingest ends with 503 when none is left.",
                shutil.disk_usage(home).free,
            )

    def _rejected(self) -> Iterator[Metric]:
        waiting = GaugeMetricFamily(
            "anabranch_rejected_waiting",
            "Rejected events that wait for a retry, by stream. GET /v1/streams/{stream}/rejected lists them.",
            labels=["stream"],
        )
        dropped = CounterMetricFamily(
            "anabranch_rejected_dropped",
            "Rejected events that waited and are gone, by stream: they were the oldest beyond ANABRANCH_REJECTED_KEEP"
            " or ANABRANCH_REJECTED_KEEP_BYTES. Mend the sender, or keep more.",
            labels=["stream"],
        )
        try:
            for stream in self._service.app.streams:
                totals = self._service.dead_letters.totals(stream)
                waiting.add_metric([stream], totals.waiting)
                dropped.add_metric([stream], totals.dropped)
        except LogUnavailableError:
            return
        yield from (waiting, dropped)

    def _fold(self, manifest: dict[str, Any]) -> Iterator[Metric]:
        speed = self._service.speed
        yield gauge("anabranch_fold_offset", "Records of the log folded so far.", sum(speed.cut.offsets))
        yield CounterMetricFamily(
            "anabranch_records_folded",
            "Records folded by this process. rate() is the fold rate; it should match the growth of the log.",
            value=speed.records_folded,
        )
        yield gauge(
            "anabranch_lag_seconds",
            "Age in seconds of the oldest record that is not folded; 0: all are. If it stays above a few seconds,"
            " events come faster than this process folds.",
            lag_seconds(self._service),
        )
        yield gauge("anabranch_caught_up", "1 once the fold has caught up since the start; 0: wait.", speed.caught_up)
        yield gauge(
            "anabranch_trouble",
            "1 while the fold cannot go on; GET /readyz says why.",
            speed.trouble is not None,
        )
        ahead = GaugeMetricFamily(
            "anabranch_stream_ahead_seconds",
            "Seconds by which the newest event of the stream lies ahead of the clock; 0: it does not. If it is much, a"
            " clock was wrong, and last= answers what lies before that event: see anabranch retract.",
            labels=["stream"],
        )
        now = self._service.clock()
        for stream, newest in speed.moment().watermarks.items():
            ahead.add_metric([stream], max(0, newest - now) / 1e6)
        yield ahead
        failures = CounterMetricFamily(
            "anabranch_view_failures",
            "Events on which a function of the view (by, where) raised, and which it therefore does not count: since"
            " this process started (speed), and in the generation (batch). Mend the function.",
            labels=["view", "layer"],
        )
        published = manifest.get("views", {})
        for view in self._service.app.views:
            failures.add_metric([view, "speed"], speed.failures_by_view.get(view, 0))
            if view in published:
                failures.add_metric([view, "batch"], published[view].get("failures", 0))
        yield failures

    def _views(self, manifest: dict[str, Any]) -> Iterator[Metric]:
        service = self._service
        epochs = len(service.speed.moment().epochs)
        yield gauge(
            "anabranch_epochs", "Epochs in memory: 1, and 2 while a batch run is under way or has failed.", epochs
        )
        keys = GaugeMetricFamily(
            "anabranch_view_keys", "Keys of the view that the epochs hold in memory.", labels=["view"]
        )
        tiles = GaugeMetricFamily(
            "anabranch_view_tiles",
            "Tiles of the view: in the epochs, in memory (speed), and in the generation, on disk (batch).",
            labels=["view", "layer"],
        )
        size = GaugeMetricFamily(
            "anabranch_epoch_bytes",
            "Bytes of memory that the epochs take for the view, estimated from some of its tiles. A batch run that is"
            " published empties them; if they grow for days, look at the batch runs.",
            labels=["view"],
        )
        for view, held in service.speed.sizes().items():
            keys.add_metric([view], held.keys)
            tiles.add_metric([view, "speed"], held.tiles)
            size.add_metric([view], held.bytes)
        for view, published in manifest.get("views", {}).items():
            if view in service.app.views:
                tiles.add_metric([view, "batch"], published["rows"])
        yield from (keys, tiles, size)

    def _generation(self, manifest: dict[str, Any]) -> Iterator[Metric]:
        publication = self._service.speed.publication
        if publication is None:
            return
        yield gauge("anabranch_generation", "The generation that is served.", publication.generation)
        yield gauge("anabranch_batch_offset", "Records that it covers.", sum(publication.cut.offsets))
        if "created" in manifest:
            yield gauge(
                "anabranch_generation_age_seconds",
                "Seconds since the generation that is served was made. If it is older than two intervals between batch"
                " runs, they fail or are not scheduled: see anabranch batch list.",
                max(0.0, (self._service.clock() - instant_us(manifest["created"])) / 1e6),
            )

    def _manifest(self) -> dict[str, Any]:
        """That of the generation that is served; empty if there is none that can be read."""
        publication = self._service.speed.publication
        if publication is None:
            return {}
        try:
            generation = self._service.generations.get(publication)
        except GenerationError:
            return {}
        return dict(generation.manifest)


def gauge(name: str, description: str, value: float) -> Metric:
    """A gauge without labels."""
    return GaugeMetricFamily(name, description, value=float(value))
