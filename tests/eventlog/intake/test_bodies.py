from __future__ import annotations

import base64
from typing import Any

import orjson
import pyarrow as pa
import pytest

from anabranch import Stream
from eventlog.errors import MalformedBodyError, TooManyEventsError, UnsupportedContentTypeError
from eventlog.intake.door import CONTENT_TYPES, Admission, BodyLimits, admit, parse
from tests.eventlog.intake.door import JSON, NDJSON, NOW, lines, pings, rental, rentals

ARROW = "application/vnd.apache.arrow.stream"
CLOUDEVENT = "application/cloudevents+json"
CLOUDEVENTS = "application/cloudevents-batch+json"


def admitted(content_type: str, body: bytes, stream: Stream = rentals, **headers: str) -> Admission:
    return admit(content_type, body, stream, limits=BodyLimits(), now=NOW, headers=headers)


def ipc(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    body: bytes = sink.getvalue().to_pybytes()
    return body


# JSON


def test_an_object_is_one_event_kept_as_it_was_sent() -> None:
    body = b' {"n": 1, "more":\n [1.50, 18446744073709551615]} '
    assert parse(JSON, body, pings).events == [body.strip()]


def test_an_array_is_an_event_an_element() -> None:
    assert parse(JSON, b'\xef\xbb\xbf[{"n":1}, {"n": 2}]', pings).events == [b'{"n":1}', b'{"n":2}']


@pytest.mark.parametrize(
    "body", [b"{", b"[1,", b'{"n":1} x', b"\xff", b'{"n":NaN}', b'{"n":"\\ud800"}', b'{"n":"\xff"}', b"'a'"]
)
@pytest.mark.parametrize("content_type", [JSON, CLOUDEVENT, CLOUDEVENTS])
def test_what_is_not_json_is_refused_with_its_line(content_type: str, body: bytes) -> None:
    with pytest.raises(MalformedBodyError, match="line 3: not JSON") as caught:
        parse(content_type, b"\n\n" + body, pings)
    assert caught.value.line == 3


# NDJSON


@pytest.mark.parametrize("content_type", [NDJSON, "application/jsonl", "Application/NDJSON ; charset=UTF-8"])
def test_a_line_is_an_event_and_blank_lines_are_none(content_type: str) -> None:
    parsed = parse(content_type, b'\n{"n":1}\r\n\n  {"n":2}  \n\n', pings)
    assert parsed.events == [b'{"n":1}', b'{"n":2}']
    assert parsed.lines == [2, 4]


@pytest.mark.parametrize(
    "bad", [b"{", b'{"n":1},{"n":2}', b"x", b'{"n":"\xff"}', b'{"n":"\\ud800"}', b'{"n":1', b'"n":1}']
)
def test_a_line_that_is_not_json_refuses_the_request_and_is_named(bad: bytes) -> None:
    with pytest.raises(MalformedBodyError, match=r"^line 4: ") as caught:
        admitted(NDJSON, lines({"n": 1}, b"", {"n": 2}, bad, {"n": 3}), pings)
    assert caught.value.line == 4


def test_lines_that_are_json_only_together_are_not_json() -> None:
    with pytest.raises(MalformedBodyError, match=r"^line 1: "):
        admitted(NDJSON, b'{"n":1,"x":[1\n2]}\n{"n":1},{"n":2}', pings)


# limits and kinds


@pytest.mark.parametrize("body", [b"", b" \n\n"])
@pytest.mark.parametrize("content_type", CONTENT_TYPES)
def test_an_empty_body_is_malformed(content_type: str, body: bytes) -> None:
    with pytest.raises(MalformedBodyError, match="empty"):
        parse(content_type, body, pings)


@pytest.mark.parametrize("content_type", [JSON, CLOUDEVENTS])
def test_an_array_of_nothing_is_malformed(content_type: str) -> None:
    with pytest.raises(MalformedBodyError, match="no event"):
        parse(content_type, b"[]", pings)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (JSON, b'[{"n":1},{"n":1},{"n":1}]'),
        (NDJSON, b'{"n":1}\n{"n":1}\n{"n":1}\n'),
        (NDJSON, b'{"n":1}\n\n{"n":1}\n{"n":1}'),
        (CLOUDEVENTS, b"[{},{},{}]"),
        (ARROW, ipc(pa.table({"n": [1, 2, 3]}))),
    ],
)
def test_more_events_than_a_request_may_have_are_too_many(content_type: str, body: bytes) -> None:
    with pytest.raises(TooManyEventsError) as caught:
        parse(content_type, body, pings, max_events=2)
    assert caught.value.limit == 2
    assert len(parse(content_type, body, pings, max_events=3).events) == 3


@pytest.mark.parametrize(
    "content_type", [None, "", "text/csv", "application/x-www-form-urlencoded", f"{JSON};charset=latin-1"]
)
def test_another_content_type_is_refused_with_those_that_are_not(content_type: str | None) -> None:
    with pytest.raises(UnsupportedContentTypeError, match=NDJSON) as caught:
        parse(content_type, b"{}", pings)
    assert caught.value.supported == CONTENT_TYPES


# CloudEvents


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


# Arrow


def test_the_rows_of_an_arrow_stream_are_events() -> None:
    times = pa.array([1_398_938_400_000_000_001, 0], pa.timestamp("ns", "Europe/Berlin"))
    table = pa.table(
        {"rental_id": ["a", "b"], "started": times, "minutes": [1.5, 2.0], "count": [None, 7], "extra": [[1], None]}
    )
    admission = admitted(ARROW, ipc(table))
    assert admission.rejected == []
    assert (admission.append.ids, admission.append.times) == (["a", "b"], [1_398_938_400_000_000, 0])
    assert [orjson.loads(event)["count"] for event in admission.append.data] == [0, 7]  # the default, and what was sent
    assert [orjson.loads(event)["extra"] for event in admission.append.data] == [[1], None]


def test_a_row_with_a_number_that_json_does_not_know_is_refused() -> None:
    table = pa.table({"n": [1, 2, 3], "x": [0.5, float("nan"), float("inf")]})
    admission = admitted(ARROW, ipc(table), pings)
    assert [(rejected.index, rejected.errors[0]["field"]) for rejected in admission.rejected] == [(1, "x"), (2, "x")]
    assert len(admission.append.data) == 1


def test_timestamps_without_a_zone_are_refused_by_their_column() -> None:
    with pytest.raises(MalformedBodyError, match="column 'started' has no time zone"):
        parse(ARROW, ipc(pa.table({"started": pa.array([0], pa.timestamp("us"))})), rentals)


@pytest.mark.parametrize("body", [b"x", b"xxxxxxxx", ipc(pa.table({"n": [1]}))[:100], ipc(pa.table({"n": [1]}))[:-40]])
def test_what_is_no_arrow_stream_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedBodyError):
        parse(ARROW, body, pings)
