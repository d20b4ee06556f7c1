"""The door as a whole: a body, its limits, and what comes through."""

from __future__ import annotations

import pytest

from anabranch.instant import iso
from eventlog.errors import TooManyEventsError, UnsupportedContentTypeError
from eventlog.intake.door import BodyLimits, admit
from tests.eventlog.intake.door import JSON, NDJSON, NOW, lines, rental, rentals


def test_the_limits_are_those_of_the_caller() -> None:
    body = lines(rental(started=iso(NOW + 5)), rental(started=iso(NOW + 6)))
    limits = BodyLimits(max_events=2, max_future_us=5)
    admission = admit(NDJSON, body, rentals, limits=limits, now=NOW)
    assert admission.append.times == [NOW + 5]
    assert [(rejected.index, rejected.errors[0]["type"]) for rejected in admission.rejected] == [(1, "too_far_ahead")]
    with pytest.raises(TooManyEventsError):
        admit(NDJSON, body, rentals, limits=BodyLimits(max_events=1), now=NOW)


def test_the_headers_matter_only_where_they_are_an_envelope() -> None:
    headers = {"ce-id": "e1", "x-more": "1"}  # no ce-specversion: not a CloudEvent
    admission = admit(JSON, lines(rental()), rentals, limits=BodyLimits(), now=NOW, headers=headers)
    assert admission.append.ids == ["r1"]


def test_what_no_reader_is_for_is_refused_before_it_is_looked_at() -> None:
    with pytest.raises(UnsupportedContentTypeError):
        admit("text/html", b"\xff\xff", rentals, limits=BodyLimits(), now=NOW)
