"""A reader of a fold that has come to an end: for commands that look at a home without a service."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager

from anabranch import App, Cut
from eventlog.decisions import Publication
from speed.errors import StandsStillError
from speed.state import SpeedState
from speed.state_reader import StateReader


class StillReader(StateReader):
    """Reads a state that nobody changes; see `speed.reader.SpeedReader`.

    Parameters
    ----------
    app
        Whose state it is.
    state
        As far as it was folded.
    """

    trouble: str | None = None
    warnings: Sequence[str] = ()
    caught_up = True
    busy = False
    records_folded = 0

    def __init__(self, app: App, state: SpeedState):
        super().__init__(app)
        self._state = state
        self.failures_by_view: Mapping[str, int] = {}

    @property
    def cut(self) -> Cut:
        """How much of the log is folded."""
        return self._state.cut

    @property
    def publication(self) -> Publication | None:
        """The generation that is served."""
        return self._state.publication

    def lag_seconds(self) -> float:
        """0: what it was to fold is folded."""
        return 0.0

    def when_past(self, cut: Cut) -> Future[Cut]:
        """A future that is resolved, or has failed with `StandsStillError`: this reader will never get there."""
        future: Future[Cut] = Future()
        if self.cut.covers(cut):
            future.set_result(self.cut)
        else:
            future.set_exception(StandsStillError(self.cut, cut))
        return future

    @contextmanager
    def holding(self) -> Iterator[SpeedState]:
        """The state; it needs no lock."""
        yield self._state
