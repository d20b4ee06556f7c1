"""How far behind the log the fold is, in time: as far as anybody can know."""

from __future__ import annotations

from collections.abc import Callable

SEEN_SECONDS = 2.0
"""How long it counts as up to date that the log was seen at its end. An idle fold looks several times a second."""


class Lag:
    """How long what is not folded yet has waited.

    Two things are known: when the oldest record that is not folded was appended; or else, when the log was last seen
    to hold nothing more. The second grows old as well: while the log cannot be looked at (the database is away, the
    fold has failed or stands in a long checkpoint) nobody knows what it holds, and the honest answer is the time since
    it was looked at.

    The fold's thread tells, any thread asks: what is known is one tuple, replaced as a whole.

    Parameters
    ----------
    clock
        Microseconds since 1970.
    """

    def __init__(self, clock: Callable[[], int]):
        self._clock = clock
        self._known = (clock(), False)  # before the first look: as long as the fold is there

    def look(self) -> int:
        """The time, for `seen_at_end` after a look at the log that begins now."""
        return self._clock()

    def behind(self, appended_us: int) -> None:
        """The oldest record that is not folded was appended at this time."""
        self._known = (appended_us, True)

    def seen_at_end(self, looked_us: int) -> None:
        """At this time everything that the log held was folded."""
        self._known = (looked_us, False)

    def seconds(self) -> float:
        """The lag now: 0.0 if the log was seen at its end within the last `SEEN_SECONDS`."""
        since_us, is_behind = self._known
        waited = max(0.0, (self._clock() - since_us) / 1e6)  # a clock that was set back makes no lag below zero
        return waited if is_behind or waited > SEEN_SECONDS else 0.0
