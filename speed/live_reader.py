"""A reader of a fold that goes on in another thread; and the one place where the two meet.

The fold's thread alone changes the state, so it reads it without the lock. Whoever else reads holds the lock, and the
fold holds it while it changes anything.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager

from anabranch import App, Cut
from anabranch.errors import LayerUnreadableError
from eventlog.decisions import Publication
from speed.cut_waiters import CutWaiters
from speed.lag import Lag
from speed.state import SpeedState
from speed.state_reader import StateReader

_YIELD_SECONDS = 0.0002
_WARNINGS_KEPT = 20


class LiveReader(StateReader):
    """The state of a running fold; see `speed.reader.SpeedReader`.

    Parameters
    ----------
    app
        Whose state it is.
    state
        What to answer from until the fold has recovered.
    clock
        Microseconds since 1970; only the lag looks at it.

    Attributes
    ----------
    trouble, caught_up, records_folded, failures_by_view
        As for every reader; the fold's thread sets them.
    warnings
        The newest few sentences on what could not be used.
    lag, waiters
        What the fold's thread tells as it goes.
    is_whole
        Whether the state is that of its cut. It is not while it is changed, nor after a change that raised: then it
        may hold a part of what lies behind its cut, and must be neither kept nor folded on.
    """

    def __init__(self, app: App, state: SpeedState, clock: Callable[[], int]):
        super().__init__(app)
        self.trouble: str | None = None
        self.caught_up = False
        self.records_folded = 0
        self.failures_by_view: Counter[str] = Counter()
        self.warnings: deque[str] = deque(maxlen=_WARNINGS_KEPT)
        self.lag = Lag(clock)
        self.waiters = CutWaiters(lambda: self.cut)
        self.is_whole = True
        self._state = state
        self._lock = threading.Lock()
        self._readers_waiting = 0

    @property
    def cut(self) -> Cut:
        """How much of the log is folded."""
        return self._state.cut

    @property
    def publication(self) -> Publication | None:
        """The generation that is served."""
        return self._state.publication

    @property
    def busy(self) -> bool:
        """Whether somebody has the state locked at this moment."""
        return self._lock.locked()

    def lag_seconds(self) -> float:
        """How long what is not folded yet has waited."""
        return self.lag.seconds()

    def when_past(self, cut: Cut) -> Future[Cut]:
        """A future that is resolved once the fold has passed `cut`."""
        return self.waiters.when_past(cut)

    @contextmanager
    def holding(self) -> Iterator[SpeedState]:
        """The state, standing still."""
        self._readers_waiting += 1
        with self._lock:
            self._readers_waiting -= 1
            yield self._state

    # for the fold's thread

    @property
    def state(self) -> SpeedState:
        """The state, for the thread that changes it."""
        return self._state

    @contextmanager
    def changing(self) -> Iterator[SpeedState]:
        """The state, to be changed: nobody reads it meanwhile. Open what has to be opened before."""
        if self._readers_waiting:
            time.sleep(_YIELD_SECONDS)  # Python's locks are not fair: without it readers would starve
        with self._lock:
            self.is_whole = False
            epochs = [*self._state.epochs]
            try:
                yield self._state
            except LayerUnreadableError:
                self.is_whole = True  # it is raised before anything has changed
                raise
            if list(map(id, epochs)) != list(map(id, self._state.epochs)):
                self._indexes = {}  # they would keep the keys and tiles of epochs that went
            self.is_whole = True

    def replace(self, state: SpeedState) -> None:
        """Answer from another state from now on."""
        with self._lock:
            self._state = state
            self._indexes = {}
            self.is_whole = True
        self.waiters.wake()  # its cut may be all there is: nothing would be folded that wakes them

    def warn(self, warning: str) -> None:
        """Remember what could not be used, to be shown."""
        self.warnings.append(warning)
