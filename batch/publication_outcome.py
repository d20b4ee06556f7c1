"""Whether a run has published, after something went wrong while its ``batch_published`` was being written."""

from __future__ import annotations

import time

from anabranch import SYSTEM
from eventlog.decisions.history import publications
from eventlog.errors import LogUnavailableError
from eventlog.log import Append, Log

PATIENCE_SECONDS = 60.0
"""How long a database that is away is waited for: the work of hours may be published, or not."""
_AGAIN_SECONDS = 0.5


def was_published(log: Log, run: str, patience_seconds: float = PATIENCE_SECONDS) -> bool:
    """Whether the log holds the publication of a run that began to write it.

    Raises
    ------
    LogUnavailableError
        If the log could not be asked in time: then nobody knows. The next run finds out.
    """
    deadline = time.monotonic() + patience_seconds
    while True:
        try:
            # A commit of nothing, behind all that this process still commits: whoever was interrupted while it waited
            # for the publication has left that in the queue of the log.
            log.append(Append(SYSTEM, [], [], [], []))
            return any(publication.run == run for publication in publications(log))
        except LogUnavailableError:
            if time.monotonic() >= deadline:
                raise
        time.sleep(_AGAIN_SECONDS)
