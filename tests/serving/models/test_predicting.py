"""Bodies of predictions go through the validators of the stream, whatever those raise."""

from __future__ import annotations

from typing import Any, Self

import pytest
from pydantic import BaseModel, field_validator, model_validator

from anabranch import App
from eventlog.intake.body_limits import BodyLimits
from serving.errors import InvalidExampleError
from serving.models.predicting import Examples

app = App("trips")


class Trip(BaseModel):
    trip: str
    miles: float
    minutes: float

    @field_validator("trip")
    @classmethod
    def known(cls, trip: str) -> str:
        return {"a": "A", "b": "B"}[trip]

    @model_validator(mode="after")
    def fast(self) -> Self:
        if self.miles / self.minutes > 5:
            raise ValueError("too fast")
        return self


trips = app.stream("trips", Trip, id="trip")


@app.model("duration", on=trips, label="minutes", task="regression", batch=object, speed=object)
def features(trip: Any, views: Any) -> dict[str, Any]:
    return {"miles": trip.miles}


def refused(body: bytes) -> dict[str, Any]:
    with pytest.raises(InvalidExampleError) as caught:
        Examples(app.models["duration"]).read("application/json", body, BodyLimits(max_events=10))
    (found,) = caught.value.rejected
    return {"index": found["index"], **found["errors"][0]}


def test_what_a_validator_raises_is_the_reason() -> None:
    found = refused(b'[{"trip": "a", "miles": 1, "minutes": 1}, {"trip": "z", "miles": 1, "minutes": 1}]')
    assert found["index"] == 1
    assert found["type"] == "validator_raised"
    assert found["message"].startswith("KeyError: 'z' (test_predicting.py:")


def test_a_validator_that_needs_the_label_is_told_to_see_none() -> None:
    found = refused(b'{"trip": "a", "miles": 1}')
    assert found["message"].startswith("TypeError: unsupported operand")
    assert found["message"].endswith("(fields that are not given are None to validators: minutes)")


def test_a_validator_that_says_no_is_heard_as_at_the_door() -> None:
    assert refused(b'{"trip": "a", "miles": 10, "minutes": 1}')["message"] == "Value error, too fast"
    examples = Examples(app.models["duration"]).read(
        "application/json", b'{"trip": "a", "miles": 1, "minutes": 1}', BodyLimits(max_events=10)
    )
    assert vars(examples.examples[0].example) == {"trip": "A", "miles": 1.0}
