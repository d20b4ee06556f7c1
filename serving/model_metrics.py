"""What Prometheus is told of models."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client import Histogram, Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from serving.models import Models
from serving.service import Service

_BUCKETS_SECONDS = (0.001, 0.002, 0.003, 0.004, 0.005, 0.0075, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0, 5.0)


class ModelMetrics(Collector):
    """Measures predictions, and asks the learners for the rest when it is scraped."""

    def __init__(self, service: Service, models: Models):
        self._service = service
        self._models = models
        self._seconds = Histogram(
            "anabranch_predict_seconds",
            "Seconds from a prediction request to its answer, waiting for `after` not counted.",
            ["model"],
            buckets=_BUCKETS_SECONDS,
            registry=None,
        )

    def observer(self, model: str) -> Callable[[float], None]:
        """What takes the seconds that a request for predictions of a model took."""
        return self._seconds.labels(model).observe

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        service = self._service
        if not service.app.models:
            return
        yield from self._seconds.collect()
        recorder = service.recorder
        yield CounterMetricFamily(
            "anabranch_predictions_recorded", "Predictions recorded by this process.", value=recorder.recorded
        )
        yield CounterMetricFamily(
            "anabranch_predictions_dropped", "Predictions that could not be recorded.", value=recorder.dropped
        )
        yield from self._learners()

    def _learners(self) -> Iterator[Metric]:
        loss = GaugeMetricFamily(
            "anabranch_model_loss", "Mean loss over the last examples, by expert and for the blend.", labels=_EXPERT
        )
        weight = GaugeMetricFamily("anabranch_model_weight", "Weight in the blend.", labels=_EXPERT)
        diverged = GaugeMetricFamily("anabranch_model_diverged", "1 while an expert diverges.", labels=_EXPERT)
        champion = GaugeMetricFamily("anabranch_model_champion", "The version that is champion.", labels=_MODEL)
        alarms = CounterMetricFamily("anabranch_drift_alarms", "Drift alarms.", labels=_MODEL)
        failures = CounterMetricFamily(
            "anabranch_features_failures", "Events on which the features function failed.", labels=_MODEL
        )
        for name, model in self._service.app.models.items():
            standing = self._models.standing(model)
            report = standing.report
            for expert, scores in report["scores"].items():
                if scores["recent"] is not None:
                    loss.add_metric([name, expert], scores["recent"])
            for expert, share in report["weights"].items():
                weight.add_metric([name, expert], share)
            for expert, is_so in report["diverged"].items():
                diverged.add_metric([name, expert], float(is_so))
            if standing.champion is not None:
                champion.add_metric([name], standing.champion)
            alarms.add_metric([name], len(report["alarms"]))
            failures.add_metric([name], report["failed"]["count"])
        yield from (loss, weight, diverged, champion, alarms, failures)


_MODEL = ["model"]
_EXPERT = ["model", "expert"]
