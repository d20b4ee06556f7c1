"""What Prometheus is told of models."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client import Histogram, Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from anabranch.instant import instant_us
from serving.models.model_status import ModelDirectory, ModelStatus
from serving.service import Service

_BUCKETS_SECONDS = (0.001, 0.002, 0.003, 0.004, 0.005, 0.0075, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0, 5.0)


class ModelMetrics(Collector):
    """Measures predictions, and asks the learners for the rest when it is scraped."""

    def __init__(self, service: Service, models: ModelDirectory):
        self._service = service
        self._models = models
        self._seconds = Histogram(
            "anabranch_predict_seconds",
            "Seconds that answering a prediction request took, waiting for `after` not counted.",
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
            "anabranch_predictions_recorded",
            "Predictions that this process has recorded in the log.",
            value=recorder.recorded,
        )
        yield CounterMetricFamily(
            "anabranch_predictions_dropped",
            "Predictions that were answered and could not be recorded, since the log was away for too long.",
            value=recorder.dropped,
        )
        yield from self._learners()

    def _learners(self) -> Iterator[Metric]:
        families = _Families()
        for name, model in self._service.app.models.items():
            families.add(name, self._models.status(model))
        yield from families.all()


class _Families:
    """The families of which every model has a sample."""

    def __init__(self) -> None:
        self.loss = GaugeMetricFamily(
            "anabranch_model_loss",
            "Mean loss over the last 1,000 examples, in the metric of the model, by expert and for the blend; less is"
            " better. The blend should be about as good as the best expert.",
            labels=_EXPERT,
        )
        self.weight = GaugeMetricFamily(
            "anabranch_model_weight", "Weight of the expert in the blend, from 0 to 1.", labels=_EXPERT
        )
        self.diverged = GaugeMetricFamily(
            "anabranch_model_diverged",
            "1 while an expert diverges: most of what it predicts is outside of the labels seen. The blend leaves it"
            " aside; scale its features, or choose another learner.",
            labels=_EXPERT,
        )
        self.scored = CounterMetricFamily(
            "anabranch_model_scored_examples",
            "Examples on which the experts and the blend were scored.",
            labels=_MODEL,
        )
        self.champion = GaugeMetricFamily(
            "anabranch_model_champion", "The version that is champion; absent: there is none yet.", labels=_MODEL
        )
        self.alarms = CounterMetricFamily(
            "anabranch_drift_alarms",
            "Drift alarms: the blend became worse than it was.",
            labels=_MODEL,
        )
        self.alarmed = GaugeMetricFamily(
            "anabranch_drift_alarm_timestamp_seconds",
            "When the newest drift alarm was, in seconds since 1970. A batch run trains on what is new.",
            labels=_MODEL,
        )
        self.pending = GaugeMetricFamily(
            "anabranch_labels_pending", "Examples whose label has not come yet.", labels=_MODEL
        )
        self.raised = CounterMetricFamily(
            "anabranch_learner_failures",
            "How often an expert of the speed layer raised, in predicting or learning; the others go on. GET"
            " /v1/models/{model} says what it raised last.",
            labels=_EXPERT,
        )
        self.untrained = GaugeMetricFamily(
            "anabranch_training_failures",
            "Candidates (or steps) of the newest training that failed. GET /v1/models/{model} says why.",
            labels=_MODEL,
        )
        self.failures = CounterMetricFamily(
            "anabranch_features_failures",
            "Events on which the features function raised: nobody learns from them. GET /v1/models/{model} has some.",
            labels=_MODEL,
        )

    def add(self, name: str, status: ModelStatus) -> None:
        """The samples of one model."""
        report = status.report
        scores = report["scores"]
        for expert, score in scores.items():
            if score["recent"] is not None:
                self.loss.add_metric([name, expert], score["recent"])
        for expert, share in report["weights"].items():
            self.weight.add_metric([name, expert], share)
        for expert, is_so in report["diverged"].items():
            self.diverged.add_metric([name, expert], float(is_so))
        self.scored.add_metric([name], max((score["count"] for score in scores.values()), default=0))
        if status.champion is not None:
            self.champion.add_metric([name], status.champion)
        self.alarms.add_metric([name], report["alarm_count"])
        if report["alarms"]:
            self.alarmed.add_metric([name], instant_us(report["alarms"][-1]["time"]) / 1e6)
        if report["labels"] is not None:
            self.pending.add_metric([name], report["labels"]["pending"])
        self.failures.add_metric([name], report["failed"]["count"])
        counts = dict.fromkeys(report["weights"], 0)  # 0 from the start: an increase is told of what was there before
        for expert, count in (counts | {expert: error["count"] for expert, error in report["errors"].items()}).items():
            self.raised.add_metric([name, expert], count)
        self.untrained.add_metric([name], len(status.untrained))

    def all(self) -> list[Metric]:
        return list(vars(self).values())


_MODEL = ["model"]
_EXPERT = ["model", "expert"]
