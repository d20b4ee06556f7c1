"""When the speed layer keeps its state."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from threading import Thread

from anabranch import App
from eventlog.registry.replicas import Need
from speed.checkpoint import Checkpoints
from speed.state import SpeedState

logger = logging.getLogger(__name__)
_TOLD_SECONDS = 3_600.0
"""How often those who fold tell that they are there; a replica that is silent for a month is forgotten."""
_RETRY_SECONDS = 5.0
SHARED_SECONDS = 300.0
"""How often a checkpoint is put into the store, where homes share one: so much another machine has to fold again."""
_CLOSE_SECONDS = 30.0


class Checkpointing:
    """Keeps a state when it is due: when enough time or enough records have passed since the last time.

    Parameters
    ----------
    app
        Whose state it is.
    checkpoints
        Where states are kept.
    seconds, records
        It is due when either has passed, and something was folded.
    monotonic
        Seconds, of a clock that only goes forward.
    tell
        Told what is needed to go on from any checkpoint that is kept, whenever they have changed, and now and then: see
        `eventlog.registry.replicas`. Until it has taken that, and while no checkpoint can be written, what was told
        before stays.
    """

    def __init__(
        self,
        app: App,
        checkpoints: Checkpoints,
        seconds: float,
        records: int,
        monotonic: Callable[[], float] = time.monotonic,
        tell: Callable[[Need], None] = lambda need: None,
    ):
        self.checkpoints = checkpoints
        self._app = app
        self._seconds = seconds
        self._records = records
        self._monotonic = monotonic
        self._tell = tell
        self._last = monotonic()
        self._tell_at = self._share_at = monotonic()
        self._unshared: Path | None = None
        self._beside: Thread | None = None
        self._folded = 0

    def note(self, records: int) -> None:
        """So many more records were folded."""
        self._folded += records

    @property
    def is_wanted(self) -> bool:
        """Whether anything was folded that is not kept."""
        return self._folded > 0

    @property
    def is_due(self) -> bool:
        """Whether it is time."""
        seconds = self._monotonic() - self._last
        return self._folded >= self._records or (self.is_wanted and seconds >= self._seconds)

    def save(self, state: SpeedState) -> str | None:
        """Keep a state, which must not change meanwhile; the next time is counted from now on.

        Whatever goes wrong (a full disk, a learner of the user that cannot be pickled), it must not stop the fold: the
        log is the truth, and a restart folds a little more of it.

        Returns
        -------
        str or None
            What went wrong; None: it is kept.
        """
        problem = None
        try:
            self._unshared = self.checkpoints.save(state, self._app)
        except OSError as error:
            problem = f"no checkpoint at {state.cut}: {error}"
            logger.warning("%s", problem)
        except Exception as error:  # what a user's learner holds may refuse to be pickled in any way
            problem = f"no checkpoint at {state.cut}: {type(error).__name__}: {error}"
            logger.exception("no checkpoint at %s", state.cut)
        # also if it failed: a disk that is full is not asked again with every segment
        self._last = self._monotonic()
        self._folded = 0
        self._tell_at = self._last
        self.remind()
        return problem

    def remind(self) -> None:
        """Tell what is needed, if that is due: the checkpoints have changed, or it was told long ago.

        Where checkpoints are shared, a store is asked for it, which may take its time: so that is done beside the fold.
        """
        now = self._monotonic()
        if now < self._tell_at or (self._beside is not None and self._beside.is_alive()):
            return
        self._tell_at = now + _TOLD_SECONDS
        if self.checkpoints.is_shared:
            self._beside = Thread(target=self._share_and_tell, args=(now,), name="share-checkpoints", daemon=True)
            self._beside.start()
        else:
            self._tell_need(now)

    def close(self) -> None:
        """Wait for what is at work beside the fold, not longer than a process may take to end."""
        if self._beside is not None:
            self._beside.join(_CLOSE_SECONDS)

    def _share_and_tell(self, now: float) -> None:
        path = self._unshared
        if path is not None and now >= self._share_at:
            try:
                self.checkpoints.share(path)
                self._share_at = now + SHARED_SECONDS
            except Exception as error:  # the next checkpoint is tried, and this home has its own
                logger.warning("checkpoint %s could not be shared with other homes: %s", path.name, error)
        self._tell_need(now)

    def _tell_need(self, now: float) -> None:
        """Tell it; that it is not taken (the database or the store is away) harms nothing: it is tried again."""
        try:
            need = self.checkpoints.need()
            if need is not None:
                self._tell(need)
        except Exception as error:  # whatever it is, it must not stop the fold
            self._tell_at = now + _RETRY_SECONDS
            logger.warning("what is needed to go on from the checkpoints cannot be told yet: %r", error)
