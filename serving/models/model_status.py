"""What a model is and how it does, and which versions of it can be the champion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic.errors import PydanticInvalidForJsonSchema

from anabranch import Model
from eventlog.decisions import Champions
from eventlog.decisions.champions import VersionStatus
from serving.answers.staleness import staleness
from serving.errors import AlreadyChampionError, NoEarlierChampionError, NotFoundError
from serving.service import Service


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """How a model stands at one cut of the log.

    Attributes
    ----------
    model
        Which.
    champions
        Its champions so far.
    report
        What its learner tells; see `speed.learning.learner.Learner.report`.
    versions
        What the generation that is served holds, as its manifest says.
    training
        The report of the last training in that generation; empty if there was none.
    freshness
        What every answer says about how fresh it is.
    """

    model: Model
    champions: Champions
    report: Mapping[str, Any]
    versions: Sequence[Mapping[str, Any]]
    training: Mapping[str, Any]
    freshness: Mapping[str, Any]

    @property
    def champion(self) -> int | None:
        return self.champions.present

    @property
    def untrained(self) -> dict[str, str]:
        """What failed in the newest training, by candidate (or step), and why."""
        candidates = self.training.get("candidates", {})
        return {name: found["error"] for name, found in candidates.items() if "error" in found}

    def summary(self) -> dict[str, Any]:
        """A model among others."""
        report = self.report
        return {
            "model": self.model.name,
            "stream": self.model.on.name,
            "task": self.model.task,
            "metric": self.model.metric,
            "champion": self.champion,
            "versions": [self._version(held) for held in self.versions],
            "weights": report["weights"],
            "scores": report["scores"],
            "diverged": [expert for expert, diverged in report["diverged"].items() if diverged],
            "failed": report["failed"]["count"],
            "alarms": report["alarm_count"],
            "errors": {expert: error["count"] for expert, error in report["errors"].items()},
            "untrained": self.untrained,
        }

    def detail(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        """Everything about a model."""
        return {
            "model": self.model.name,
            "stream": self.model.on.name,
            "task": self.model.task,
            "metric": self.model.metric,
            "blend": blend if isinstance(blend := self.model.blend, str) else blend().name,
            **self.report,
            "champion": self.champion,
            "versions": [self._version(held) for held in self.versions],
            "candidates": self.training.get("candidates", {}),
            "untrained": self.untrained,
            "skew": self.training.get("skew"),
            "schema": schema,
            **self.freshness,
        }

    def _version(self, held: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "version": held["version"],
            "generation": held["generation"],
            "cut": held["cut"],
            "rows": held["rows"],
            "holdout": held["holdout"]["loss"],
            "status": self.status(held),
            "candidate": held["candidate"],
        }

    def status(self, held: Mapping[str, Any]) -> VersionStatus:
        """What a version is; `held` is what the manifest says of it."""
        return self.champions.status(held["version"], promoted=held["promoted"])

    def check_promotable(self, version: int) -> None:
        """Raise `NotFoundError` if there is no such version, `AlreadyChampionError` if it needs no promotion."""
        known = [held["version"] for held in self.versions if held["fingerprint"] == self.model.fingerprint]
        if version not in known:
            can = [str(other) for other in sorted(known) if other != self.champion]
            raise NotFoundError(f"version of model {self.model.name!r} that can be promoted", str(version), can)
        if version == self.champion:
            raise AlreadyChampionError(self.model.name, version)

    def earlier(self) -> int:
        """The champion before the present one; raises `NoEarlierChampionError`."""
        earlier = self.champions.earlier
        if earlier is None:
            raise NoEarlierChampionError(self.model.name, self.champion)
        return earlier


class ModelDirectory:
    """Tells how the models of a service stand."""

    def __init__(self, service: Service):
        self._service = service
        self._schemas = {name: example_schema(model) for name, model in service.app.models.items()}

    def summaries(self) -> list[dict[str, Any]]:
        """All models, shortly."""
        return [self.status(model).summary() for model in self._service.app.models.values()]

    def detail(self, model: Model) -> dict[str, Any]:
        """One model, with everything."""
        return self.status(model).detail(self._schemas[model.name])

    def status(self, model: Model) -> ModelStatus:
        """How a model stands now; it may read a manifest from the disk."""
        service = self._service
        report = service.speed.report_of(model)
        publication = report.moment.publication
        held: Mapping[str, Any] = {}
        if publication is not None:
            generation = service.generations.get(publication)
            held = generation.manifest.get("models", {}).get(model.name, {})
        return ModelStatus(
            model,
            report.champions,
            report.learner,
            held.get("versions", []),
            held.get("report", {}),
            staleness(service, publication, report.moment.cut),
        )

    def check_promotion(self, model: Model, version: int) -> int | None:
        """Whether a version can be promoted; returns the present champion.

        Raises
        ------
        NotFoundError
            If there is no such version that can.
        AlreadyChampionError
            If it is the champion.
        GenerationError
            If its file is damaged.
        """
        status = self.status(model)
        status.check_promotable(version)
        self._open(model, version)
        return status.champion

    def check_rollback(self, model: Model, version: int | None) -> tuple[int, int | None]:
        """The version that a rollback goes to, and the present champion.

        Parameters
        ----------
        version
            The one that is asked for; None: the champion before the present one.

        Raises
        ------
        NoEarlierChampionError
            If there is none.
        NotFoundError
            If there is no such version any more.
        AlreadyChampionError
            If it is the champion.
        GenerationError
            If its file is damaged, or no longer kept.
        """
        status = self.status(model)
        version = status.earlier() if version is None else version
        status.check_promotable(version)
        self._open(model, version)
        return version, status.champion

    def _open(self, model: Model, version: int) -> None:
        """Open a version, to be sure that it can be."""
        publication = self._service.speed.publication
        if publication is not None:
            generation = self._service.generations.get(publication)
            generation.predictor(model, version)


def example_schema(model: Model) -> dict[str, Any]:
    """The JSON schema of what a prediction is asked about: the event without its label, no field of it required."""
    try:
        schema = model.on.model.model_json_schema()
    except PydanticInvalidForJsonSchema as error:  # a type of the user's own that JSON schema has no word for
        return {"title": model.on.model.__name__, "type": "object", "description": f"No JSON schema: {error}"}
    properties = {name: field for name, field in schema["properties"].items() if name != model.own_label}
    kept = {word: value for word, value in schema.items() if word != "required"}
    return {**kept, "properties": properties}
