"""Instants: aware datetimes in UTC outside, whole microseconds since 1970 inside."""

from datetime import UTC, datetime, timedelta

from pydantic import TypeAdapter

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
FIRST_US = (datetime.min.replace(tzinfo=UTC) - EPOCH) // _MICROSECOND
LAST_US = (datetime.max.replace(tzinfo=UTC) - EPOCH) // _MICROSECOND
"""The first and the last instant that there is as a datetime in UTC."""
_LENIENT: TypeAdapter[datetime] = TypeAdapter(datetime)


def instant_us(value: datetime | str) -> int:
    """Microseconds since 1970 of an aware datetime or of its text: ISO 8601, or whatever else pydantic takes.

    >>> instant_us("2014-05-01T12:00:00+02:00") == instant_us("2014-05-01T10:00:00Z")
    True
    >>> instant_us("1398938400") == instant_us("2014-05-01t10:00:00z")
    True

    Raises
    ------
    ValueError
        If the datetime is naive or the text is none.
    """
    moment = parsed(value) if isinstance(value, str) else value
    if moment.tzinfo is None:
        raise ValueError("the datetime has no time zone; write one, like 2014-05-01T10:00:00Z")
    return (moment - EPOCH) // _MICROSECOND


def parsed(text: str) -> datetime:
    """What pydantic makes of a text: it was what admitted the event, so it must be what reads it.

    Python's own reader agrees with it on every text that both take and that names a zone, and is quicker.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return _LENIENT.validate_python(text)
    return moment if moment.tzinfo is not None else _LENIENT.validate_python(text)


def instant(us: int) -> datetime:
    """The aware UTC datetime of microseconds since 1970; the first or last there is, for one beyond the years 1-9999.

    The tile of an early event may begin before the year 1.
    """
    return EPOCH + timedelta(microseconds=us if FIRST_US <= us <= LAST_US else FIRST_US if us < 0 else LAST_US)


def iso(us: int) -> str:
    """ISO 8601 in UTC with a Z.

    >>> iso(0)
    '1970-01-01T00:00:00Z'
    """
    return instant(us).isoformat().replace("+00:00", "Z")
