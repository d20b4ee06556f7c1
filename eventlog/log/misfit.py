"""What keeps a log from taking anything: it and what was made of it do not belong together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from anabranch.instant import iso

Kind = Literal["log-behind", "log-differs", "store-behind", "other-log", "other-store"]


@dataclass(frozen=True, slots=True)
class Misfit:
    """What does not fit.

    Attributes
    ----------
    kind
        ``log-behind``: records that were made something of are not in the log; ``log-differs``: it has others there;
        ``store-behind``: the store lacks what the log has no longer; ``other-log``: the store belongs to another log;
        ``other-store``: the log is archived in another store.
    problem
        The same as a sentence, without its full stop.
    since
        The first offset that it concerns.
    since_us
        When the last record before that was appended, in microseconds: up to then all is well. None: nobody knows.
    """

    kind: Kind
    problem: str
    since: int
    since_us: int | None = None

    @property
    def time(self) -> str | None:
        """`since_us` as people read it."""
        return None if self.since_us is None else iso(self.since_us)

    def __str__(self) -> str:
        """All of it, and what to do."""
        told = "" if self.time is None else f", after {self.time}"
        return (
            f"{self.problem}. Nothing is accepted, from 0:{self.since} on{told}, until anabranch restore has brought"
            " them together; it shows first what it will do"
        )
