"""Cuts and durations, as people and programs write them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anabranch import Cut
from anabranch.duration import duration_us
from anabranch.instant import instant, instant_us, iso

OFFSETS = st.lists(st.integers(0, 2**63 - 1), min_size=1, max_size=3).map(tuple)


@given(OFFSETS)
def test_a_cut_reads_back_what_it_writes(offsets: tuple[int, ...]) -> None:
    assert Cut.parse(str(Cut(offsets))) == Cut(offsets)


def test_partitions_may_come_in_any_order() -> None:
    assert Cut.parse("1:5,0:3") == Cut((3, 5))


@pytest.mark.parametrize(
    "text", ["", "5", "0:", ":5", "0:x", "1:5", "0:1,0:2", "0:1,2:2", "0:1:2", "0:-1", "0:9223372036854775808"]
)
def test_what_is_no_position_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a position"):
        Cut.parse(text)


@given(OFFSETS, OFFSETS)
def test_covering_is_having_seen_everything_that_the_other_has(one: tuple[int, ...], two: tuple[int, ...]) -> None:
    seen = {(p, o) for p, offset in enumerate(one) for o in two if o < offset}
    theirs = {(p, o) for p, offset in enumerate(two) for o in two if o < offset}
    if Cut(one).covers(Cut(two)):
        assert theirs <= seen
    assert Cut(one).covers(Cut(one))
    assert not (Cut(one).covers(Cut(two)) and Cut(two).covers(Cut(one)) and one != two)


def test_a_cut_of_fewer_partitions_does_not_cover_one_of_more() -> None:
    assert not Cut((9,)).covers(Cut((1, 1)))
    assert Cut((9, 0)).covers(Cut((9,)))


@pytest.mark.parametrize(
    ("text", "us"), [("1ms", 1_000), ("15m", 900_000_000), (" 2 h ", 7_200_000_000), ("1w", 604_800_000_000)]
)
def test_a_duration_is_a_whole_number_and_a_unit(text: str, us: int) -> None:
    assert duration_us(text) == us


@pytest.mark.parametrize("text", ["", "1", "h", "0h", "-1h", "1.5h", "1 hour", "1H", "1h30m", "1000000000d", "1h\n5"])
def test_what_is_no_duration_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="like '1h'"):
        duration_us(text)


@given(st.datetimes(timezones=st.just(UTC)))
def test_an_instant_survives_its_text(moment: datetime) -> None:
    us = instant_us(moment)
    assert instant(us) == moment
    assert instant_us(iso(us)) == us


def test_a_naive_datetime_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        instant_us("2014-05-01T10:00:00")


def test_an_instant_beyond_the_years_of_a_datetime_still_has_a_text() -> None:
    first = instant_us("0001-01-01T00:00:00+05:00")
    assert iso(first) == "0001-01-01T00:00:00Z"
    assert iso(2**63 - 1) == "9999-12-31T23:59:59.999999Z"
