"""Durations as people write them: 15m, 1h, 90d."""

import re

MICROSECONDS_BY_UNIT = {
    "ms": 1_000,
    "s": 1_000_000,
    "m": 60_000_000,
    "h": 3_600_000_000,
    "d": 86_400_000_000,
    "w": 604_800_000_000,
}
_DURATION = re.compile(r"\s*([1-9]\d{0,8})\s*(ms|s|m|h|d|w)\s*")


def duration_us(text: str) -> int:
    """The length of a duration in microseconds.

    >>> duration_us("1h")
    3600000000

    Raises
    ------
    ValueError
        If `text` is not a positive whole number and a unit.
    """
    match = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f"{text!r} is not a duration; write a whole number and a unit (ms, s, m, h, d, w), like '1h'")
    return int(match[1]) * MICROSECONDS_BY_UNIT[match[2]]
