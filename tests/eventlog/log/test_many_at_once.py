"""Events that are looked at all at once get the same places as one by one."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from anabranch import App
from eventlog.intake.event_checks import EventChecks


class Ride(BaseModel):
    ride: str
    station: str = "none"
    at: datetime
    until: datetime | None = None
    bikes: int = 1


rides = App("rides").stream("rides", Ride, id="ride", key="station", time="at")
checks = EventChecks(rides)
LATEST = 1_700_000_000_000_000
moments = st.sampled_from(
    ["2014-05-01T10:00:00Z", "2014-05-01T10:00:00.25+02:00", "2014-05-01T10:00:00", "2090-01-01T00:00:00Z"]
)
values = st.fixed_dictionaries(
    {"ride": st.one_of(st.text(max_size=5), st.sampled_from(["x" * 300, "a\0b"])), "at": moments},
    optional={
        "station": st.text(max_size=5),
        "until": st.one_of(st.none(), moments),
        "bikes": st.one_of(st.integers(), st.sampled_from([2**63 - 1, 2**63, -(2**63)])),
    },
)


@given(some=st.lists(values, min_size=1, max_size=4))
def test_many_at_once_are_placed_as_one_by_one_or_left_to_a_closer_look(some: list[dict[str, Any]]) -> None:
    columns = checks.examine_all(some, LATEST)
    if columns is not None:
        one_by_one = [checks.examine(value, LATEST) for value in some]
        assert [found.reasons for found in one_by_one] == [[]] * len(some)
        assert list(zip(*columns, strict=True)) == [(found.id, found.key, found.time) for found in one_by_one]


def test_ordinary_events_need_no_closer_look() -> None:
    ordinary = {"ride": "r1", "station": "A", "at": "2014-05-01T10:00:00Z", "bikes": 2}
    columns = checks.examine_all([ordinary | {"until": "2014-05-01T11:00:00Z"}] * 2, LATEST)
    assert columns is not None
    assert columns.ids == ["r1", "r1"]
