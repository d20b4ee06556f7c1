"""``/v1/models/{model}/predict`` and ``/v1/predictions``: asking models, and looking up what they answered."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from anabranch import Model, Stream
from eventlog.intake.door import Admission, BodyLimits
from eventlog.log import Appended
from serving.answers.selection import WAITING, Parser, boolean, parse
from serving.answers.waiting import until_asked
from serving.errors import InvalidExampleError, NotFoundError
from serving.http import openapi
from serving.http.idempotency import Asked, IdempotentRequests, replayed
from serving.http.posting import WORK_FOLD, admitted, appended, read_body
from serving.http.request_memory import Share
from serving.http.responses import answer_json, to_json
from serving.metrics.model_metrics import ModelMetrics
from serving.metrics.request_metrics import RequestMetrics
from serving.models.model_status import example_schema
from serving.models.predicting import CONTENT_TYPE, Examples, Predicting, RequestedExamples
from serving.service import Service

_PARAMETERS: dict[str, Parser] = {"record": boolean, **WAITING}
_HEADERS = {"content-type": CONTENT_TYPE}
_JSON = "application/json"
_QUICK_EXAMPLES = 16
"""More examples than this are predicted in a thread of their own, so that other requests do not wait; and so is every
example that would have to wait for the fold, which locks the state for some milliseconds at a time."""
_QUICK_BYTES = 64 * 1024
"""And larger bodies are read there."""


def add_routes(
    app: FastAPI,
    service: Service,
    metrics: RequestMetrics,
    model_metrics: ModelMetrics,
    requests: IdempotentRequests,
) -> None:
    """Add the routes of this noun."""
    models = {name: _ModelRequests.of(service, model, model_metrics) for name, model in service.app.models.items()}

    @app.post(
        "/v1/models/{model}/predict",
        tags=["models"],
        summary="Predict",
        openapi_extra={
            "parameters": [
                openapi.path("model", openapi.names(models), "The name of the model."),
                _RECORD,
                openapi.AFTER,
                openapi.TIMEOUT,
                openapi.IDEMPOTENCY_KEY,
            ],
            "requestBody": _bodies(service),
        },
        responses=openapi.answers(
            200, "The prediction, and what it is made of", _ANSWERS, 400, 404, 413, 415, 422, 503, 504
        ),
    )
    async def predict(request: Request) -> Response:
        """Predict one example, or an array of them: JSON objects with the fields of the event that are known.

        With `record` the examples are also appended to the stream, behind the predictions. 422 names the field that
        is wrong, or that the features need; then nothing is predicted and nothing recorded.
        """
        asked = models.get(request.path_params["model"])
        if asked is None:
            raise NotFoundError("model", request.path_params["model"], models)
        query = request.scope["query_string"]
        parameters = parse(query, _PARAMETERS) if query else {}
        with Share(service.memory) as share:
            raw = await read_body(request, service.limits.max_body_bytes, share.take)
            body = await _read(asked.examples, request.headers.get("content-type"), raw, service.limits, share)

            async def predicted() -> bytes:
                if parameters:
                    await until_asked(service.speed, parameters)
                begun = time.perf_counter()
                few = len(body.examples) <= _QUICK_EXAMPLES
                if few and not service.speed.busy:
                    answer = asked.answer(body)
                else:
                    answer = await run_in_threadpool(asked.answer, body)
                text = to_json(answer) if few else await run_in_threadpool(to_json, answer)
                asked.observe(time.perf_counter() - begun)
                return text

            async def predict_and_record(known: Asked) -> Response:
                admission = await _admitted_all(service, asked.model.on, raw, share)
                text = await predicted()

                def answer(done: Appended) -> Response:
                    return Response(b'%s,"position":"%s"}' % (text[:-1], str(done.position).encode()), media_type=_JSON)

                done = await appended(service, known.append(admission.append, answer))
                if done.told is not None:
                    return replayed(done.told)
                metrics.count_events(
                    asked.model.on.name, accepted=done.accepted, duplicates=done.duplicates, rejected=0
                )
                return answer(done)

            if parameters.get("record") and body.examples:
                return await requests.once(request, raw, predict_and_record)
            return Response(await predicted(), media_type=_JSON)  # writes nothing that a key could keep from doubling

    @app.get(
        "/v1/predictions/{prediction_id}",
        tags=["models"],
        summary="Look a prediction up",
        openapi_extra={
            "parameters": [
                openapi.path("prediction_id", openapi.TEXT, "As a prediction told it."),
                openapi.AFTER,
                openapi.TIMEOUT,
            ]
        },
        responses=openapi.answers(200, "The prediction as it was made", _PREDICTION, 404, 422, 503, 504),
    )
    async def read_prediction(request: Request) -> Response:
        """What was predicted, from which features, by which versions, at which cuts."""
        name = request.path_params["prediction_id"]
        await until_asked(service.speed, parse(request.scope["query_string"], WAITING))
        found = await run_in_threadpool(service.recorder.find, name)
        if found is None:
            raise NotFoundError("prediction", name)
        return answer_json(found)


@dataclass(frozen=True, slots=True)
class _ModelRequests:
    """All that a request for predictions of one model needs, looked up once."""

    model: Model
    examples: Examples
    predicting: Predicting
    observe: Callable[[float], None]

    @classmethod
    def of(cls, service: Service, model: Model, metrics: ModelMetrics) -> _ModelRequests:
        return cls(model, Examples(model), Predicting(service, model), metrics.observer(model.name))

    def answer(self, body: RequestedExamples) -> dict[str, Any]:
        answers = self.predicting.answers(body.examples)
        return {"predictions": answers} if body.many else answers[0]


async def _read(
    examples: Examples, content_type: str | None, raw: bytes, limits: BodyLimits, share: Share
) -> RequestedExamples:
    """The examples of a body; a large one is read in a thread."""
    share.take(WORK_FOLD * len(raw))
    if len(raw) <= _QUICK_BYTES:
        return examples.read(content_type, raw, limits, share.take)
    return await run_in_threadpool(examples.read, content_type, raw, limits, share.take)


async def _admitted_all(service: Service, stream: Stream, raw: bytes, share: Share) -> Admission:
    """The examples as events of their stream; raises `InvalidExampleError` if one of them is none."""
    admission = await admitted(service, stream, _HEADERS, raw, share)
    if admission.rejected:
        raise InvalidExampleError([{"index": e.index, "errors": e.errors} for e in admission.rejected])
    return admission


def _bodies(service: Service) -> dict[str, Any]:
    """The examples of every model."""
    schemas = [example_schema(model) for model in service.app.models.values()]
    shown = [schema for schema in schemas if "$defs" not in schema]  # references would lead nowhere here
    text = "The fields of the event that are known, see the schema that GET /v1/models/{model} tells."
    example = {"description": text, **({"anyOf": shown} if shown == schemas and shown else {"type": "object"})}
    either = {"anyOf": [example, {"type": "array", "items": example}]}
    return {"required": True, "content": {CONTENT_TYPE: {"schema": either}}}


_RECORD = openapi.query(
    "record", {"type": "boolean", "default": False}, "Append the examples to their stream, once they are predicted."
)
_PART: openapi.Schema = {
    "description": "A number, or the probability of every class; null if it is not finite.",
    "anyOf": [{"type": "number"}, {"type": "object", "additionalProperties": {"type": "number"}}, {"type": "null"}],
}
_MADE_OF: dict[str, openapi.Schema] = {
    "prediction": {"description": "A number, or the most probable class; null as long as nobody has learnt anything."},
    "parts": {"type": "object", "additionalProperties": _PART},
    "weights": {"type": "object", "additionalProperties": {"type": "number"}},
    "features": {"type": "object"},
}
_PROBABILITIES: openapi.Schema = {"type": "object", "additionalProperties": {"type": "number"}}
_ANSWER = openapi.record(
    {**_MADE_OF, "prediction_id": openapi.or_null(openapi.TEXT), **openapi.STALENESS},
    {"probabilities": _PROBABILITIES, "position": openapi.POSITION},
)
_ANSWERS: openapi.Schema = {
    "anyOf": [
        _ANSWER,
        openapi.record({"predictions": openapi.list_of(_ANSWER)}, {"position": openapi.POSITION}),
    ]
}
_PREDICTION = openapi.record(
    {
        "prediction_id": openapi.TEXT,
        "model": openapi.TEXT,
        "time": openapi.INSTANT,
        **_MADE_OF,
        "probabilities": openapi.or_null(_PROBABILITIES),
        "versions": {"type": "object", "additionalProperties": {"type": "integer"}},
        "generation": openapi.or_null({"type": "integer"}),
        "batch_cut": openapi.POSITION,
        "speed_cut": openapi.POSITION,
        "example": {"type": "object"},
        "example_id": openapi.or_null(openapi.TEXT),
    }
)
