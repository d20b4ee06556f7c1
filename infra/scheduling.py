"""Batch runs by the clock, inside ``anabranch up``: cron without cron."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from cronsim import CronSim

from anabranch.instant import instant, instant_us
from batch.errors import LeaseHeldError
from eventlog.clock import Clock
from eventlog.registry.runs import Runs
from serving.errors import BatchNotStartedError

logger = logging.getLogger(__name__)
_LONGEST_WAIT_SECONDS = 30.0
"""A clock may be set, and a machine may sleep: look again after so long."""


class Schedule:
    """When batch runs are due.

    Parameters
    ----------
    expression
        Cron's five fields, like ``30 2 * * *``; see crontab(5).
    zone
        In whose time they are meant. On the day when clocks are set forward a run in the missing hour is due just
        after it; on the day when they are set back it is due once.

    >>> schedule = Schedule("30 2 * * *", ZoneInfo("Europe/Berlin"))
    >>> instant(schedule.next_after(instant_us("2026-03-28T12:00:00Z"))).isoformat()
    '2026-03-29T01:00:00+00:00'
    >>> instant(schedule.last_before(instant_us("2026-03-28T12:00:00Z"))).isoformat()
    '2026-03-28T01:30:00+00:00'
    """

    def __init__(self, expression: str, zone: ZoneInfo):
        self.expression = expression
        self.zone = zone

    def next_after(self, time_us: int) -> int:
        """The next time that is due after this one, in microseconds."""
        return self._found(time_us, reverse=False)

    def last_before(self, time_us: int) -> int:
        """The last time that was due before this one, in microseconds."""
        return self._found(time_us, reverse=True)

    def _found(self, time_us: int, *, reverse: bool) -> int:
        local = instant(time_us).astimezone(self.zone)
        found: datetime = next(CronSim(self.expression, local, reverse))
        return instant_us(found.astimezone(UTC))


class Scheduler:
    """Starts batch runs when they are due, each in a process of its own.

    A run that was missed, because nothing was running when it was due, is caught up once at the start, however many
    were missed; so is one that ended with the service that had started it. One that is due while another is at work is
    left out: that one covers the log as well.

    Parameters
    ----------
    start
        Starts a run and returns its id; raises `LeaseHeldError` if another is at work.
    """

    def __init__(self, schedule: Schedule, runs: Runs, start: Callable[[bool], str], clock: Clock):
        self.schedule = schedule
        self._runs = runs
        self._start_run = start
        self._clock = clock
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._due = self._first_due()

    @property
    def next_run(self) -> int:
        """When the next run is due, in microseconds."""
        return self._due

    def start(self) -> None:
        """Begin, in a thread of its own."""
        self._thread = threading.Thread(target=self._run, name="scheduler", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End it. Safe to call twice."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def step(self) -> float:
        """Start a run if one is due; returns the seconds until it is worth looking again."""
        now = self._clock()
        if now >= self._due:
            self._due = self.schedule.next_after(now)
            self._begin()
        return min(_LONGEST_WAIT_SECONDS, max(0.0, (self._due - self._clock()) / 1e6))

    def _first_due(self) -> int:
        """Now, if the last time that was due has seen no run, or the newest was cut off, as by the end of the service.

        Never before the first run of all was started by hand.
        """
        now = self._clock()
        newest = self._runs.list(1)
        if newest and (newest[0].started < self.schedule.last_before(now) or newest[0].status == "abandoned"):
            return now
        return self.schedule.next_after(now)

    def _run(self) -> None:
        while not self._stopping.wait(self.step()):
            pass

    def _begin(self) -> None:
        try:
            run = self._start_run(False)
            logger.info("batch run %s was due and has begun", run, extra={"run": run})
        except (BatchNotStartedError, LeaseHeldError) as error:
            logger.warning("a batch run was due and was not started: %s", error)
        except Exception:  # whatever it is, the next run must have its chance
            logger.exception("a batch run was due and was not started")
