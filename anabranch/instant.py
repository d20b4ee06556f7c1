"""Instants: aware datetimes in UTC outside, whole microseconds since 1970 inside."""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def instant_us(value: datetime | str) -> int:
    """Microseconds since 1970 of an aware datetime or of its ISO 8601 text.

    >>> instant_us("2014-05-01T12:00:00+02:00") == instant_us("2014-05-01T10:00:00Z")
    True

    Raises
    ------
    ValueError
        If the datetime is naive or the text is not ISO 8601.
    """
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    if moment.tzinfo is None:
        raise ValueError("the datetime has no time zone; write one, like 2014-05-01T10:00:00Z")
    return (moment - EPOCH) // _MICROSECOND


def instant(us: int) -> datetime:
    """The aware UTC datetime of microseconds since 1970."""
    return EPOCH + timedelta(microseconds=us)


def iso(us: int) -> str:
    """ISO 8601 in UTC with a Z.

    >>> iso(0)
    '1970-01-01T00:00:00Z'
    """
    return instant(us).isoformat().replace("+00:00", "Z")
