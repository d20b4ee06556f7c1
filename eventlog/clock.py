"""The wall clock, which everything that needs it takes as an argument; and one that does not believe its jumps.

An event is refused that lies too far ahead of the clock, because it would move the watermark of its stream, and with it
what ``last=`` and `keep` show, for as long as time takes to get there. That holds only as well as the clock does: one
that is a year ahead for a second, on a machine that starts, lets such an event in.

So there is a second clock, which nobody can set: the time since the machine was started. The two go on together, apart
from corrections of some seconds. `SteadyClock` goes on with the second where the first has leapt ahead, until it has
stayed there for `BELIEVED_SECONDS`: a clock that was put right does, one that was wrong for a moment does not. What it
has believed outlives a process, in a file that counts until the machine is started again.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from pathlib import Path

from eventlog.durable_files import put_file

logger = logging.getLogger(__name__)
Clock = Callable[[], int]
"""Microseconds since 1970."""
TOLERATED_US = 60_000_000
"""A clock that is set by less is followed at once: leap seconds, and corrections of what drifts."""
BELIEVED_SECONDS = 300.0
"""So long a leap has to last."""
_BOOT = Path("/proc/sys/kernel/random/boot_id")


def now_us() -> int:
    """The time of this machine."""
    return time.time_ns() // 1000


def running_us() -> int:
    """Microseconds since the machine was started, as far as the system tells; those that it slept count."""
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime_ns(clock) // 1000


def boot_id() -> str | None:
    """What no other start of this machine has; None: that is not told, and nothing is remembered."""
    try:
        return _BOOT.read_text().strip()
    except OSError:
        return None


class SteadyClock:
    """The time of this machine, but for leaps ahead that nobody has confirmed.

    A clock that is set back is followed at once: no order and no border depends on it.

    Parameters
    ----------
    kept
        A file in which it remembers what it believes; None: it believes what it finds.
    wall, running, boot
        See `now_us`, `running_us` and `boot_id`.
    """

    def __init__(
        self,
        kept: Path | None = None,
        wall: Clock = now_us,
        running: Clock = running_us,
        boot: Callable[[], str | None] = boot_id,
    ):
        self._wall = wall
        self._running = running
        self._kept = kept
        self._boot = boot()
        self._leapt: tuple[int, int] | None = None  # by how much the clocks differ since, and since when
        now = wall() - running()
        believed = self._load()
        self._believed = now if believed is None else believed
        """How much the wall clock is ahead of the other, in microseconds, where it is believed."""
        if believed is None:
            self._save()

    def __call__(self) -> int:
        """Microseconds since 1970."""
        running = self._running()
        wall = self._wall()
        differ = wall - running
        if abs(differ - self._believed) <= TOLERATED_US:
            self._believed = differ
            self._leapt = None
            return wall
        if self._leapt is None or abs(differ - self._leapt[0]) > TOLERATED_US:
            self._leapt = (differ, running)
            logger.warning(
                "the clock leapt by %+.0f s: %s",
                (differ - self._believed) / 1e6,
                f"times are told by the one before for {BELIEVED_SECONDS:.0f} s, unless it leaps back"
                if differ > self._believed
                else "it is followed",
            )
        elif running - self._leapt[1] >= BELIEVED_SECONDS * 1e6:
            self._believed = differ
            self._leapt = None
            self._save()
            return wall
        return min(wall, running + self._believed)

    def _load(self) -> int | None:
        """What was believed since the machine was started; None: nothing that is known."""
        if self._kept is None or self._boot is None:
            return None
        try:
            found = json.loads(self._kept.read_text())
            return int(found["ahead_us"]) if found["boot"] == self._boot else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _save(self) -> None:
        if self._kept is None or self._boot is None:
            return
        try:  # not durable: after a power cut it counts no more
            put_file(self._kept, json.dumps({"boot": self._boot, "ahead_us": self._believed}).encode(), durable=False)
        except OSError as error:  # a full disk must not end a process over this
            logger.warning("%s cannot be written: %s", self._kept, error.strerror)
