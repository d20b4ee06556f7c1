"""The watermark of a stream: the newest event time in it so far, in the order of the log.

It is the clock of everything that depends on time and not on a key: which tiles `keep` hides, where ``last=`` begins,
when a prediction without a time of its own happens, when a late label comes too late. No wall clock is asked, so that a
fold of the same records has the same watermarks whenever it runs.

A watermark only grows: the maximum of parts is that of the whole, however the log was cut.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

Watermarks = dict[str, int]
"""By stream, in microseconds; a stream without events has none."""


def newest(*times: int | None) -> int | None:
    """The newest of some event times; None stands for no event.

    >>> newest(3, None, 5), newest(None)
    (5, None)
    """
    return max((time for time in times if time is not None), default=None)


def newest_of(watermarks: Mapping[str, int], streams: Iterable[str]) -> int | None:
    """The clock of what is made of several streams, like a label that arrives later: the newest of their watermarks.

    >>> newest_of({"rides": 5, "landings": 7, "showers": 9}, ["rides", "landings"])
    7
    """
    return newest(*(watermarks.get(stream) for stream in streams))


def advance(watermarks: Watermarks, stream: str, times: Iterable[int | None]) -> None:
    """Bring the watermark of a stream up to date with more event times; late ones change nothing.

    >>> watermarks = {"rides": 5}
    >>> advance(watermarks, "rides", [3, None])
    >>> advance(watermarks, "landings", [2, 7])
    >>> watermarks
    {'rides': 5, 'landings': 7}
    """
    found = newest(watermarks.get(stream), *times)
    if found is not None:
        watermarks[stream] = found


def joined(*parts: Mapping[str, int]) -> Watermarks:
    """The watermarks of several parts of a log together.

    >>> joined({"rides": 5}, {"rides": 3, "landings": 7})
    {'rides': 5, 'landings': 7}
    """
    whole: Watermarks = {}
    for part in parts:
        for stream, time in part.items():
            advance(whole, stream, [time])
    return whole
