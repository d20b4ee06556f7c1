"""What an earlier release left in a home becomes what this one reads, when a command opens the home first."""

from __future__ import annotations

import fcntl
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from batch import take_over
from eventlog.decisions import publications
from eventlog.errors import EventLogError
from eventlog.log import Log
from eventlog.store import Store

logger = logging.getLogger(__name__)
_TOLD_EVERY = 1_000
"""Steps between two lines of the log."""


def take_over_generations(home: Path, store: Store, log: Log) -> None:
    """Take over the generations of an earlier release; see `batch.take_over`. Of several processes one does it.

    Where it is not possible now, as while the log cannot be reached, that is logged; the next command does it.
    """
    if not take_over.is_needed(home):
        return
    try:
        with _alone(home):
            if not take_over.is_needed(home):  # another process has done it meanwhile
                return
            logger.info("the generations in %s are those of an earlier release: they are taken over", home)
            count = 0
            for count, step in enumerate(take_over.steps(home, store, publications(log)), 1):
                if count % _TOLD_EVERY == 0:
                    logger.info("taking over generations: %s steps done, the last of them %s", f"{count:,}", step)
            logger.info("the generations are taken over: %s steps", f"{count:,}")
    except (EventLogError, OSError) as error:
        logger.warning("the generations of an earlier release could not be taken over, and wait: %s", error)


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """Hold the lock of a home; a process that dies gives it back."""
    folder = os.open(home, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)
