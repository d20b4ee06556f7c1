"""Predicting: from the body of a request to examples, and from examples to answers.

`examples_of` reads; `Predicting.answers` asks the speed layer, then the champion, and blends.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import orjson
from pydantic import ValidationError

from anabranch import Model
from anabranch.errors import FieldAbsentError
from anabranch.example import Example
from anabranch.features.fold import FailedFeatures
from anabranch.stored_events import input_name
from eventlog.errors import MalformedBodyError, UnsupportedContentTypeError
from eventlog.intake.bodies import Take, ignored, load_json
from eventlog.intake.body_limits import BodyLimits
from eventlog.intake.event_checks import EventChecks
from eventlog.intake.json_arrays import elements, json_text
from eventlog.intake.parsed_events import Reason, reason, too_large
from eventlog.intake.validation import listed, raised
from serving.answers.staleness import staleness
from serving.errors import InvalidExampleError, NoFeaturesError
from serving.models.prediction_recorder import Prediction, prediction_id
from serving.service import Service
from speed.base_layer import Part, Predictor
from speed.learning.forecast import BATCH, Forecast, PendingForecast

logger = logging.getLogger(__name__)
CONTENT_TYPE = "application/json"
_BOM = b"\xef\xbb\xbf"
EXAMPLE_BYTES = 4_000
"""About what an example takes beyond its text: itself, its features, its answer."""
_MAX_REJECTED = 1_000
"""Once so many examples are wrong, no more are looked at: nothing is predicted anyway."""
_ANY_TIME = 2**62
"""A prediction may be asked for any time ahead."""


class RequestedExample(NamedTuple):
    """One example that a prediction is asked for.

    Attributes
    ----------
    example
        What the features function receives.
    time
        Its event time in microseconds; None: that of the moment.
    id
        Its id in its stream; None: it has none, or it is not given.
    body
        The JSON object, as it came.
    """

    example: Example
    time: int | None
    id: str | None
    body: bytes


class RequestedExamples(NamedTuple):
    """The examples of a request.

    Attributes
    ----------
    examples
        In the order of the request.
    many
        Whether they came as an array, so that the answer must be one too.
    """

    examples: list[RequestedExample]
    many: bool


class Examples:
    """Reads the examples of one model."""

    def __init__(self, model: Model):
        self.model = model
        self._read = model.example.read
        self._checks = EventChecks(model.on)

    def read(
        self, content_type: str | None, body: bytes, limits: BodyLimits, take: Take = ignored
    ) -> RequestedExamples:
        """The examples in a body: a JSON object, or an array of them.

        Parameters
        ----------
        take
            Is told what the examples and their answers will take, before they do; may raise.

        Raises
        ------
        UnsupportedContentTypeError, MalformedBodyError, TooManyEventsError
            If the body as a whole is wrong.
        InvalidExampleError
            If a field of an example is.
        """
        if content_type != CONTENT_TYPE:
            _check_kind(content_type)
        text = body.removeprefix(_BOM).strip()
        if text[:1] == b"{":
            return RequestedExamples(self._examples([text], limits, take), False)
        if not text:
            raise MalformedBodyError("the body is empty; send a JSON object with the fields that are known")
        if text[:1] != b"[":
            if len(text) <= limits.max_event_bytes:
                load_json(text)
            raise MalformedBodyError("send a JSON object with the fields that are known, or an array of such")
        return RequestedExamples(self._examples(_elements(text, limits), limits, take), True)

    def _examples(self, bodies: Iterable[bytes], limits: BodyLimits, take: Take) -> list[RequestedExample]:
        examples: list[RequestedExample] = []
        rejected: list[dict[str, Any]] = []
        for index, body in enumerate(bodies):
            take(EXAMPLE_BYTES)
            if len(body) > limits.max_event_bytes:
                rejected.append({"index": index, "errors": [too_large(len(body), limits.max_event_bytes)]})
                continue
            if len(rejected) >= _MAX_REJECTED:
                break
            try:
                example = self._read(body)
            except ValidationError as error:
                rejected.append({"index": index, "errors": [self._hinted(r, body) for r in _reasons(error)]})
                continue
            except Exception as error:  # a validator of the user may raise anything
                found = reason("", raised(error), "validator_raised")
                rejected.append({"index": index, "errors": [self._hinted(found, body)]})
                continue
            id_, _, time, reasons = self._checks.examine(vars(example), _ANY_TIME)
            if reasons:
                rejected.append({"index": index, "errors": reasons})
            examples.append(RequestedExample(example, time, id_, body))
        if rejected:
            raise InvalidExampleError(rejected)
        return examples

    def _hinted(self, found: Reason, body: bytes) -> Reason:
        """What a validator of the whole event says, and which fields it could not know, like the label."""
        if found["type"] not in ("value_error", "assertion_error", "validator_raised") or found["field"]:
            return found
        fields = self.model.on.model.model_fields
        given = orjson.loads(body)
        absent = [n for n, info in fields.items() if info.is_required() and input_name(n, info) not in given]
        if not absent:
            return found
        seen = f"fields that are not given are None to validators: {', '.join(absent)}"
        return {**found, "message": f"{found['message']} ({seen})"}


def _elements(text: bytes, limits: BodyLimits) -> Iterator[bytes]:
    for stretch in elements(text, limits.max_events, limits.max_event_bytes):
        yield from [stretch] if isinstance(stretch, bytes) else map(json_text, stretch)


def _check_kind(content_type: str | None) -> None:
    media_type, _, parameters = (content_type or "").partition(";")
    charset = parameters.lower().partition("charset=")[2].partition(";")[0].strip(' "')
    if media_type.strip().lower() != CONTENT_TYPE or charset not in ("", "utf-8", "utf8"):
        raise UnsupportedContentTypeError(content_type or "", (CONTENT_TYPE,))


def _reasons(error: ValidationError) -> list[Reason]:
    """What is wrong with an example; raises `MalformedBodyError` if it is not even JSON."""
    reasons = []
    for found in listed(error):
        message, type_ = found["msg"], found["type"]
        if type_ == "json_invalid":
            raise MalformedBodyError(f"not JSON: {message}") from None
        if type_ == "model_type":
            message = "an example must be a JSON object"
        reasons.append(reason(".".join(map(str, found["loc"])), message, type_, found["input"]))
    return reasons


class Predicting:
    """Answers for one model."""

    def __init__(self, service: Service, model: Model):
        self._service = service
        self._model = model

    def answers(self, examples: Sequence[RequestedExample]) -> list[dict[str, Any]]:
        """The answer to each, recorded on the way.

        The speed layer is asked one by one, each in the state of that moment; the champion is asked about all at
        once that have the same, without keeping the fold waiting.

        Raises
        ------
        NoFeaturesError
            If the features function raised on one of them.
        """
        now = self._service.clock()
        asked = [self._ask(index, example, now) for index, example in enumerate(examples)]
        forecasts = [one.answer(part) for one, part in zip(asked, champion_parts(asked), strict=True)]
        return [
            self._answer(example, one, forecast, now)
            for example, one, forecast in zip(examples, asked, forecasts, strict=True)
        ]

    def _ask(self, index: int, example: RequestedExample, now: int) -> PendingForecast:
        service, model = self._service, self._model
        time = now if model.on.time is None else example.time
        asked = service.speed.ask(model, example.example, time)
        if isinstance(asked, FailedFeatures):
            field = asked.error.field if isinstance(asked.error, FieldAbsentError) else None
            raise NoFeaturesError(model.name, index, asked.reason, field)
        return asked

    def _answer(
        self, example: RequestedExample, asked: PendingForecast, forecast: Forecast, now: int
    ) -> dict[str, Any]:
        service = self._service
        recorder = service.recorder
        name = prediction_id(now) if recorder.recording else None
        answer = {
            **_prediction(forecast.prediction, self._model),
            "parts": {expert: _part(part) for expert, part in forecast.parts.items()},
            "weights": forecast.weights,
            "features": asked.features,
            "prediction_id": name,
            **staleness(service, asked.publication, asked.cut),
        }
        if name is not None:
            versions = {} if asked.version is None else {BATCH: asked.version}
            recorder.record(Prediction(name, self._model.name, now, answer, versions, example.body, example.id))
        return answer


def champion_parts(asked: Sequence[PendingForecast]) -> Iterator[Part | None]:
    """What the champion says to each: None where there is none, or it failed."""
    for predictor, group in groupby(asked, lambda one: one.predictor):
        yield from _parts(predictor, [one.features for one in group])


def _parts(predictor: Predictor | None, rows: list[Any]) -> Sequence[Part | None]:
    if predictor is not None:
        try:
            return [part if _part(part) is not None else None for part in predictor.predict(rows)]
        except Exception:  # an estimator of the user may raise anything; the speed layer answers all the same
            logger.exception("the champion, version %d, raised", predictor.version)
    return [None] * len(rows)


def _prediction(prediction: Part | None, model: Model) -> dict[str, Any]:
    """``prediction``, and ``probabilities`` in a classification."""
    if model.task == "regression":
        return {"prediction": _part(prediction)}
    if not isinstance(prediction, Mapping) or not prediction:
        return {"prediction": None, "probabilities": {}}
    return {"prediction": max(prediction, key=prediction.__getitem__), "probabilities": _part(prediction)}


def _part(part: Part | None) -> float | dict[str, float] | None:
    """A part as JSON: null where it is not finite, and classes as texts."""
    if isinstance(part, Mapping):
        if not all(p - p == 0.0 for p in part.values()):
            return None
        return {class_text(label): p for label, p in part.items()}
    return part if part is not None and part - part == 0.0 else None


def class_text(label: bool | int | float | str) -> str:
    """A class as the name of a member of a JSON object.

    >>> class_text(True), class_text(3), class_text("late")
    ('true', '3', 'late')
    """
    if label is True:
        return "true"
    return "false" if label is False else str(label)
