from __future__ import annotations

import json
import math
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anabranch import Stream
from anabranch.instant import instant_us, iso
from eventlog.errors import IngestError
from eventlog.intake.door import Admission, BodyLimits, admit
from tests.eventlog.intake.door import JSON, NDJSON, NOW, Colour, Sale, doubled, lines, pings, rental, rentals, sales
from tests.eventlog.intake.door import admitted as posted


def admitted(*events: Any, stream: Stream = rentals) -> Admission:
    return admit(NDJSON, lines(*events), stream, limits=BodyLimits(max_future_us=1_000_000), now=NOW)


def refusal(event: Any, stream: Stream = rentals) -> list[tuple[str, str]]:
    """(field, type) of the reasons why an event is refused."""
    (rejected,) = admitted(event, stream=stream).rejected
    return [(error["field"], error["type"]) for error in rejected.errors]


def _json(value: Any) -> bytes:
    """As sloppy as Python's own: NaN, infinity and lone surrogates included."""
    return json.dumps(value).encode()


# what is stored


def test_an_event_is_stored_as_it_was_sent_with_what_the_model_does_not_know_and_with_its_defaults() -> None:
    event = b'{"minutes":1.50, "rental_id":"r1","extra":{"x":[1e2]},"started":"2014-05-01T12:00:00+02:00"}'
    admission = admitted(event)
    assert admission.append.data == [event[:-1] + b',"station":null,"count":0,"numbers":[]}']
    assert (admission.append.ids, admission.append.keys) == (["r1"], [None])
    assert admission.append.times == [instant_us("2014-05-01T10:00:00Z")]


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ({"minutes": "5"}, {"minutes": 5.0}),
        ({"count": "7", "extra": "kept"}, {"count": 7, "extra": "kept"}),
        ({"count": 7.0}, {"count": 7}),
        ({"started": "1398938400"}, {"started": "2014-05-01T10:00:00Z"}),
        ({"started": 1398938400}, {"started": "2014-05-01T10:00:00Z"}),
        ({"started": "2014-05-01 10:00z"}, {"started": "2014-05-01T10:00:00Z"}),
    ],
)
def test_an_event_that_is_valid_only_by_conversion_is_stored_converted(
    sent: dict[str, Any], stored: dict[str, Any]
) -> None:
    (data,) = admitted(rental(**sent)).append.data
    event = orjson.loads(data)
    assert {name: event[name] for name in stored} == stored
    assert set(event) == {*rental(), *sent, "count", "numbers"}
    assert admitted(data).append.data == [data]


def test_every_default_is_written_out_once_by_the_name_that_is_read() -> None:
    admission = admitted({"number": 5, "on": "2020-02-02", "price": "1.50", "isPaid": True, "x": 1}, stream=sales)
    assert (admission.append.ids, admission.append.keys) == (["5"], ["true"])
    (first,) = sales.validate(b"[%b]" % admission.append.data[0])
    (again,) = sales.validate(b"[%b]" % admission.append.data[0])
    assert first == again
    assert isinstance(first, Sale)
    assert (first.paid, first.colour) == (True, Colour.RED)
    assert orjson.loads(admission.append.data[0])["x"] == 1
    stored = orjson.loads(admission.append.data[0])
    assert (stored["colour"], stored["paid"]) == ("red", True)


def test_a_validator_that_does_something_else_the_second_time_is_applied_once() -> None:
    admission = admitted({"name": "a", "value": 2}, stream=doubled)
    assert [vars(event) for event in doubled.validate(b"[%b]" % admission.append.data[0])] == [
        {"name": "a", "value": 4}
    ]


# what is refused


@pytest.mark.parametrize(
    ("event", "reasons"),
    [
        (rental(minutes=-1), [("minutes", "greater_than_equal")]),
        (rental(minutes="x", count=None), [("minutes", "float_parsing"), ("count", "int_type")]),
        ({"rental_id": "r1", "minutes": 1}, [("started", "missing")]),
        (b'{"rental_id":"r1","started":"2014-05-01T10:00:00Z","minutes":NaN}', [("minutes", "finite_number")]),
        (b'{"rental_id":"r1","started":"2014-05-01T10:00:00Z","minutes":1e999}', [("minutes", "finite_number")]),
        (b'{"rental_id":"r1","started":"2014-05-01T10:00:00Z","minutes":1,"x":NaN}', [("", "json_invalid")]),
        (b'{"rental_id":"r1","started":"2014-05-01T10:00:00Z","minutes":"1","x":Infinity}', [("", "json_invalid")]),
        (rental(started="2014-05-01T10:00:00"), [("started", "timezone_aware")]),
        (rental(started="2014-05-01"), [("started", "timezone_aware")]),
        (rental(started="20140501"), [("started", "timezone_aware")]),
        (rental(started=iso(NOW + 1_000_001)), [("started", "too_far_ahead")]),
        (rental(started="0001-01-01T00:00:00+00:01"), [("started", "out_of_range")]),
        (rental(started="9999-12-31T23:59:59-00:01"), [("started", "out_of_range")]),
        (rental(count=2**63), [("count", "integer_too_large")]),
        (rental(count=-(2**63), numbers=[1, 2**63]), [("numbers.1", "integer_too_large")]),
        (_json(rental(count=-(2**63) - 1)), [("count", "integer_too_large")]),
        (_json(rental(count=2**80)), [("count", "integer_too_large")]),
        (rental(rental_id="a\0"), [("rental_id", "nul_character")]),
        (rental(station="\0"), [("station", "nul_character")]),
        (rental(rental_id="ä" * 513), [("rental_id", "too_long")]),
        (rental(rental_id=7), [("rental_id", "string_type")]),
        (7, [("", "model_type")]),
        ([rental()], [("", "model_type")]),
        (None, [("", "model_type")]),
    ],
)  # fmt: skip
def test_an_event_is_refused_with_its_reasons(event: Any, reasons: list[tuple[str, str]]) -> None:
    assert refusal(event) == reasons


def test_the_limits_themselves_are_taken() -> None:
    events = [
        rental(started=iso(NOW + 1_000_000)),
        rental(rental_id="ä" * 512),
        rental(count=2**63 - 1, numbers=[-(2**63)]),
    ]
    assert admitted(*events).rejected == []


def test_a_reason_shows_what_was_found_cut_short() -> None:
    (rejected,) = admitted(rental(minutes="x" * 500)).rejected
    assert rejected.errors == [
        {
            "field": "minutes",
            "message": "Input should be a valid number, unable to parse string as a number",
            "type": "float_parsing",
            "input": "x" * 100 + "…",
        }
    ]


def test_the_others_are_taken_in_order_and_the_refused_keep_their_place_and_their_body() -> None:
    events = [rental(rental_id="a"), b'{"x":1}', rental(rental_id="b", minutes="2"), b" 5 ", rental(rental_id="c")]
    admission = admitted(*events)
    assert admission.append.ids == ["a", "b", "c"]
    assert [(rejected.index, rejected.body) for rejected in admission.rejected] == [(1, b'{"x":1}'), (3, b"5")]


def test_a_stream_without_roles_has_neither_ids_keys_nor_times() -> None:
    admission = admitted({"n": 1}, stream=pings)
    assert (admission.append.ids, admission.append.keys, admission.append.times) == ([None], [None], [None])


# whatever comes

values: Any = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["2014-05-01T10:00:00Z", "5"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=4,
)
names = st.sampled_from(
    ["rental_id", "started", "minutes", "count", "numbers", "number", "on", "price", "paid", "n", "x"]
)
plausible = st.fixed_dictionaries(
    {},
    optional={
        "rental_id": st.text(max_size=4) | values,
        "started": st.datetimes().map(lambda moment: f"{moment.isoformat()}Z") | st.integers(0, 2**34) | values,
        "minutes": st.floats() | st.integers(0, 10**30) | values,
        "count": st.integers() | values,
        "numbers": st.lists(st.integers()) | values,
        "number": st.integers(),
        "on": st.dates().map(str) | values,
        "price": st.decimals(allow_nan=False, allow_infinity=False).map(str) | values,
        "name": st.text(max_size=3),
        "value": st.integers(),
        "n": st.integers() | values,
        "x": values,
    },
)


@given(
    events=st.lists(plausible | values, min_size=1, max_size=3),
    stream=st.sampled_from([rentals, sales, doubled, pings]),
)
def test_every_event_is_either_stored_so_that_it_reads_the_same_or_refused(events: list[Any], stream: Stream) -> None:
    try:
        admission = admit(NDJSON, b"\n".join(map(_json, events)), stream, limits=BodyLimits(), now=NOW)
    except IngestError:
        return
    refused = {rejected.index for rejected in admission.rejected}
    accepted = [event for index, event in enumerate(events) if index not in refused]
    assert len(accepted) == len(admission.append.data)
    for sent, stored in zip(accepted, admission.append.data, strict=True):
        (decoded,) = stream.decode(b"[%b]" % stored)
        (model,) = stream.validate(b"[%b]" % stored)
        again = stream.checked.model_validate_json(_json(sent))
        factories = {name for name, info in stream.model.model_fields.items() if info.default_factory is not None}
        for name, value in vars(again).items():
            assert name in factories or vars(model)[name] == value
        assert {name for name in sent if name not in stream.fields} <= set(orjson.loads(stored))
        for name, field in stream.fields.items():
            value = decoded[name]
            if field.kind in ("integer", "number", "boolean", "text") and value is not None:
                plain = value if field.convert is None else field.convert(value)
                assert isinstance(plain, int | float | str)
                assert not isinstance(plain, float) or math.isfinite(plain)


@given(
    st.binary(max_size=60),
    st.sampled_from([JSON, NDJSON, "application/cloudevents+json", "application/vnd.apache.arrow.stream"]),
)
def test_any_bytes_are_events_or_an_error_of_ours(body: bytes, content_type: str) -> None:
    try:
        admission = admit(content_type, body, pings, limits=BodyLimits(), now=NOW)
    except IngestError:
        return
    assert admission.append.data or admission.rejected


def test_a_request_of_many_stretches_is_as_one() -> None:
    events = [rental(rental_id=f"r{number}", more="x" * 1_000) for number in range(3_000)]
    for wrong in (0, 1_500, 2_999):
        events[wrong]["minutes"] = -1
    admission = admitted(*events)
    assert [rejected.index for rejected in admission.rejected] == [0, 1_500, 2_999]
    right = [event for index, event in enumerate(events) if index not in (0, 1_500, 2_999)]
    assert admission.append.ids == [event["rental_id"] for event in right]
    assert [orjson.loads(event)["rental_id"] for event in admission.append.data] == admission.append.ids
    assert len(admission.append.times) == len(admission.append.keys) == len(right)


@pytest.mark.parametrize("content_type", [JSON, NDJSON])
def test_an_event_that_is_too_large_is_rejected_by_itself(content_type: str) -> None:
    events = [rental(), rental(rental_id="large", more="x" * 2**20), rental(rental_id="r2")]
    body = lines(*events) if content_type == NDJSON else orjson.dumps(events)
    admission = posted(content_type, body)
    assert admission.append.ids == ["r1", "r2"]
    (rejected,) = admission.rejected
    assert (rejected.index, rejected.body) == (1, orjson.dumps(events[1]))
    assert rejected.errors[0]["type"] == "too_large"
    assert "ANABRANCH_MAX_EVENT_BYTES" in rejected.errors[0]["message"]


def test_of_very_many_problems_none_is_listed_and_of_many_events_each_tells_its_first() -> None:
    (rejected,) = posted(JSON, orjson.dumps(rental(numbers=["x"] * 1_001))).rejected
    assert [(error["type"], error["message"][:14]) for error in rejected.errors] == [
        ("too_many_errors", "1,001 problems")
    ]
    admission = posted(JSON, orjson.dumps([rental(numbers=["x"] * 30)] * 1_500))
    told = [len(event.errors) for event in admission.rejected]
    assert (told[0], told[-1], len(told)) == (20, 1, 1_500)
