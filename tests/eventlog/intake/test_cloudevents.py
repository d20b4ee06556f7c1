"""CloudEvents, as the door takes them."""

from __future__ import annotations

import base64
from typing import Any

import orjson
import pytest

from eventlog.errors import MalformedBodyError
from eventlog.intake.door import parse
from tests.eventlog.intake.door import JSON, admitted, pings, rental, rentals

CLOUDEVENT = "application/cloudevents+json"
CLOUDEVENTS = "application/cloudevents-batch+json"


def cloudevent(**changes: Any) -> dict[str, Any]:
    data = {"station": "A", "minutes": 1}
    event = {
        "specversion": "1.0",
        "id": "e1",
        "source": "/x",
        "type": "t",
        "time": "2014-05-01T10:00:00Z",
        "data": data,
    }
    return {name: value for name, value in {**event, **changes}.items() if value is not None}


def test_the_data_of_a_cloudevent_is_the_event_and_the_envelope_says_its_id_and_time() -> None:
    admission = admitted(CLOUDEVENT, orjson.dumps(cloudevent()))
    assert admission.rejected == []
    assert (admission.append.ids, admission.append.times) == (["e1"], [1_398_938_400_000_000])
    own = cloudevent(data=rental(rental_id="own", started="2014-05-01T00:00:00Z"))
    assert admitted(CLOUDEVENT, orjson.dumps(own)).append.ids == ["own"]


def test_data_may_be_base64() -> None:
    event = cloudevent(data=None, data_base64=base64.b64encode(b'{"n":7}').decode())
    assert admitted(CLOUDEVENT, orjson.dumps(event), pings).append.data == [b'{"n":7}']


def test_a_cloudevent_in_binary_mode_has_its_envelope_in_the_headers() -> None:
    headers = {"ce-specversion": "1.0", "ce-id": "%C3%A4", "ce-source": "/x", "ce-type": "t", "content-type": JSON}
    body = orjson.dumps({"started": "2014-05-01T10:00:00Z", "minutes": 1})
    assert admitted(JSON, body, rentals, **headers).append.ids == ["ä"]
    (rejected,) = admitted(JSON, body, rentals, **{**headers, "ce-type": ""}).rejected
    assert [error["field"] for error in rejected.errors] == ["type"]
    (rejected,) = admitted(JSON, b"{", rentals, **headers).rejected
    assert [error["field"] for error in rejected.errors] == ["data"]


@pytest.mark.parametrize(
    ("event", "fields"),
    [
        (cloudevent(specversion="0.3"), ["specversion"]),
        (cloudevent(id="", source=None), ["id", "source"]),
        (cloudevent(data=None), ["data"]),
        (cloudevent(data=[1]), ["data"]),
        (cloudevent(data=None, data_base64="%"), ["data"]),
        (cloudevent(data=None, data_base64=7), ["data"]),
        (7, [""]),
    ],
)
def test_a_wrong_envelope_refuses_that_event_and_no_other(event: Any, fields: list[str]) -> None:
    admission = admitted(CLOUDEVENTS, orjson.dumps([event, cloudevent()]))
    (rejected,) = admission.rejected
    assert (rejected.index, [error["field"] for error in rejected.errors]) == (0, fields)
    assert orjson.loads(rejected.body) == event
    assert admission.append.ids == ["e1"]


def test_a_batch_that_is_no_array_is_malformed() -> None:
    with pytest.raises(MalformedBodyError, match="array"):
        parse(CLOUDEVENTS, orjson.dumps(cloudevent()), pings)
