"""Times and intervals as texts, exactly, and those that Arrow has no form for."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.sql.errors import SqlFailedError
from serving.sql.sandbox.result_times import check_times, date_text, interval_text, time_text, timestamp_text

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_timestamp_reads_back_as_it_was(moment: datetime) -> None:
    us = (moment - EPOCH) // timedelta(microseconds=1)
    assert datetime.fromisoformat(timestamp_text(us, "us", True)) == moment
    assert datetime.fromisoformat(timestamp_text(us, "us", False)) == moment.replace(tzinfo=None)


@given(st.dates(), st.times())
def test_a_date_and_a_time_read_back_as_they_were(day: date, moment: time) -> None:
    assert date.fromisoformat(date_text((day - EPOCH.date()).days)) == day
    us = ((moment.hour * 60 + moment.minute) * 60 + moment.second) * 1_000_000 + moment.microsecond
    assert time.fromisoformat(time_text(us)) == moment


@given(st.integers(-(2**31), 2**31 - 1), st.integers(-(2**31), 2**31 - 1), st.integers(-(10**15), 10**15))
def test_an_interval_tells_each_of_its_parts_whole(months: int, days: int, us: int) -> None:
    text = interval_text(months, days, us * 1_000)
    date_part, _, time_part = text.removeprefix("P").partition("DT")
    assert date_part == f"{months}M{days}"
    assert "e" not in time_part
    seconds, _, fraction = time_part.removesuffix("S").lstrip("-").partition(".")
    assert (int(seconds) * 10**6 + int(fraction.ljust(6, "0"))) * (-1 if time_part[0] == "-" else 1) == us


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (timestamp_text(2**63 - 1, "us", True), "infinity"),
        (timestamp_text(1 - 2**63, "s", False), "-infinity"),
        (date_text(2**31 - 1), "infinity"),
        (date_text(1 - 2**31), "-infinity"),
        (time_text(86_400_000_000), "24:00:00"),
    ],
)
def test_what_has_no_end_says_so(text: str, told: str) -> None:
    assert text == told


def test_what_is_beyond_the_years_or_was_too_much_for_nanoseconds_fails() -> None:
    with pytest.raises(ValueError, match="between 1 and 9999"):
        timestamp_text(2**62, "us", True)
    with pytest.raises(OverflowError):
        date_text(2**30)
    with pytest.raises(ValueError, match="292 years"):
        interval_text(0, 0, 1_384)


ENDLESS = pa.array([2**63 - 1]).cast(pa.timestamp("us", "UTC"))


@pytest.mark.parametrize(
    ("column", "is_told"),
    [
        (pa.array([datetime(2024, 1, 1, tzinfo=UTC), None]), True),
        (pa.array([[date(2024, 1, 1)], None]), True),
        (ENDLESS, False),
        (pa.array([1 - 2**31], pa.int32()).cast(pa.date32()), False),
        (pa.StructArray.from_arrays([ENDLESS], ["a"]), False),
        (pa.ListArray.from_arrays([0, 1], ENDLESS), False),
        (pa.ListArray.from_arrays([0, 0], ENDLESS), True),
        (pa.MapArray.from_arrays([0, 1], pa.array(["k"]), ENDLESS), False),
        (pa.array([86_400_000_000]).cast(pa.time64("us"), safe=False), False),
        (pa.array([pa.MonthDayNano([0, 0, 1_384])]), False),
    ],
)
def test_a_time_that_arrow_cannot_tell_is_found_wherever_it_is(column: Any, is_told: bool) -> None:
    table = pa.table({"x": column})
    if is_told:
        check_times(table)
    else:
        with pytest.raises(SqlFailedError, match="x::VARCHAR"):
            check_times(table)
