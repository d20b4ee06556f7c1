from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anabranch.instant import instant, instant_us, iso


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
