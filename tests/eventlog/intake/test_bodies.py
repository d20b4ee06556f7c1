from __future__ import annotations

import pyarrow as pa
import pytest

from eventlog.errors import MalformedBodyError, TooManyEventsError, UnsupportedContentTypeError
from eventlog.intake.bodies import CONTENT_TYPES, parse
from eventlog.intake.body_limits import BodyLimits
from tests.eventlog.intake.door import ARROW, JSON, NDJSON, admitted, ipc, lines, pings

CLOUDEVENT = "application/cloudevents+json"
CLOUDEVENTS = "application/cloudevents-batch+json"


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
        parse(content_type, body, pings, BodyLimits(max_events=2))
    assert caught.value.limit == 2
    assert len(parse(content_type, body, pings, BodyLimits(max_events=3)).events) == 3


@pytest.mark.parametrize(
    "content_type", [None, "", "text/csv", "application/x-www-form-urlencoded", f"{JSON};charset=latin-1"]
)
def test_another_content_type_is_refused_with_those_that_are_not(content_type: str | None) -> None:
    with pytest.raises(UnsupportedContentTypeError, match=NDJSON) as caught:
        parse(content_type, b"{}", pings)
    assert caught.value.supported == CONTENT_TYPES
