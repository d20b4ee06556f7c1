"""What an event must be beyond its model, looked at one by one and all at once."""

from __future__ import annotations

import enum
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from anabranch import App
from anabranch.instant import FIRST_US, LAST_US, iso
from eventlog.intake.event_checks import EventChecks, EventColumns, identity
from eventlog.log import MAX_ID_BYTES
from tests.eventlog.intake.door import NOW, pings, rental, rentals

checks = EventChecks(rentals)


class PlainRental(BaseModel):
    """No lists, which always go the slow way."""

    rental_id: str
    station: str | None = None
    started: datetime
    minutes: float
    count: int = 0


plain_rentals = App("plain").stream("rentals", PlainRental, id="rental_id", key="station", time="started")
TEXTS = st.text(max_size=3) | st.sampled_from(["\0", "a\0b", "x" * MAX_ID_BYTES, "ä" * MAX_ID_BYTES])
EVENTS = st.fixed_dictionaries(
    {
        "rental_id": TEXTS,
        "started": st.integers(FIRST_US, LAST_US).map(iso)
        | st.sampled_from(["2014-05-01T10:00:00", "0001-01-01T00:00:00+00:01", iso(NOW), iso(NOW + 1)]),
        "minutes": st.just(1.0),
    },
    optional={
        "station": st.none() | TEXTS,
        "count": st.sampled_from([0, 2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 1e30]),
    },
)


@given(st.lists(EVENTS, min_size=1, max_size=4))
def test_all_at_once_they_are_what_each_is_by_itself(events: list[dict[str, Any]]) -> None:
    """Or they are sent to be looked at one by one: the quick way never lets in what the other refuses."""
    together = EventChecks(plain_rentals).examine_all(events, NOW)
    apart = [EventChecks(plain_rentals).examine(event, NOW) for event in events]
    if together is not None:
        assert [found.reasons for found in apart] == [[]] * len(events)
        assert together == EventColumns(*map(list, zip(*(found[:3] for found in apart), strict=True)))


@given(st.lists(st.integers(FIRST_US, NOW), min_size=1, max_size=4))
def test_ordinary_events_go_the_quick_way(times: list[int]) -> None:
    events = [rental(started=iso(time), count=2**63 - 1) for time in times]
    assert EventChecks(plain_rentals).examine_all(events, NOW) == (["r1"] * len(times), ["A"] * len(times), times)


def test_a_list_of_integers_is_looked_into_and_the_wrong_one_named() -> None:
    found = checks.examine(rental(numbers=[1, None, 2**63, -(2**63) - 1]), NOW)
    assert [reason["field"] for reason in found.reasons] == ["numbers.2", "numbers.3"]
    assert checks.examine_all([rental()], NOW) is None


@pytest.mark.parametrize(
    ("moment", "time", "type_"),
    [
        ("2014-05-01T12:00:00+02:00", 1_398_938_400_000_000, None),
        (datetime(2014, 5, 1, 10, tzinfo=UTC), 1_398_938_400_000_000, None),
        (iso(NOW), NOW, None),
        (iso(NOW + 1), NOW + 1, "too_far_ahead"),
        ("2014-05-01T10:00:00", None, "timezone_aware"),
        ("9999-12-31T23:59:59-00:01", None, "out_of_range"),
        ("0001-01-01T00:00:00+00:01", None, "out_of_range"),
    ],
)
def test_an_event_time_has_a_zone_and_lies_in_the_years_there_are_and_not_far_ahead(
    moment: object, time: int | None, type_: str | None
) -> None:
    found = checks.examine(rental(started=moment), NOW)
    assert found.time == time
    assert [reason["type"] for reason in found.reasons] == ([] if type_ is None else [type_])


def test_a_datetime_that_python_does_not_read_is_left_to_pydantic() -> None:
    with pytest.raises(ValueError, match="isoformat"):
        checks.examine(rental(started="1398938400"), NOW)


def test_without_roles_an_event_has_no_place_of_its_own() -> None:
    assert EventChecks(pings).examine({"n": 1}, NOW) == (None, None, None, [])
    assert EventChecks(pings).examine_all([{"n": 1}], NOW) == ([None], [None], [None])


class Colour(enum.Enum):
    RED = "red"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (False, "false"),
        ("", ""),
        (Colour.RED, "red"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (datetime(2014, 5, 1, 10, tzinfo=UTC), "2014-05-01T10:00:00Z"),
    ],
)
def test_an_id_has_one_text_whatever_its_type(value: object, text: str) -> None:
    assert identity(value) == text
