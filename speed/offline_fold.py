"""The fold without a service: recovered from where a service would go on, and brought up to a cut."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from anabranch import App, Cut
from eventlog.decisions import Publication
from eventlog.log import Log
from speed.base_layer import BaseLayer
from speed.catch_up import catch_up
from speed.checkpoint import Checkpoints
from speed.fold import apply
from speed.recovery import recover
from speed.state import CanServe
from speed.still_reader import StillReader
from speed.view_fold import ViewFold

_READ_RECORDS = 10_000


class OfflineFold:
    """Recovers when it is made; keeps nothing and changes nothing on the disk.

    Parameters
    ----------
    app, log, checkpoints, can_serve
        As for `speed.consumer.Consumer`.
    published
        Opens a generation that was adopted. None: where there are no generations.
    models
        False: models are not folded, which takes much less time.

    Attributes
    ----------
    problems
        One sentence for each thing that should have been usable and was not.
    """

    def __init__(
        self,
        app: App,
        log: Log,
        checkpoints: Checkpoints,
        can_serve: CanServe,
        published: Callable[[Publication], BaseLayer] | None,
        *,
        models: bool,
    ):
        recovery = recover(app, log, checkpoints, can_serve, published)
        self.problems = recovery.problems
        self._app = app
        self._log = log
        self._can_serve = can_serve
        self._published = published if models else None
        self._state = recovery.state
        if not models:
            self._state.learners = {}
        self._state.attach_generation(app, self._published)

    @property
    def cut(self) -> Cut:
        """How far it is."""
        return self._state.cut

    def fold_to(self, end: Cut) -> Iterator[int]:
        """Fold all records before `end`; yields how many, again and again."""
        for segments in catch_up(self._log, self.cut, end, read_records=_READ_RECORDS):
            for segment in segments:
                apply(self._state, segment, self._app, self._can_serve, self._published)
                yield segment.count

    def reader(self) -> StillReader:
        """What reads the state as it is now. Do not fold on afterwards."""
        return StillReader(self._app, self._state)

    def view_fold(self) -> ViewFold:
        """What goes on from here with the views alone. Do not fold this on afterwards: both have one state."""
        return ViewFold(self._app, self._state, self._can_serve)
