"""The thread that keeps the fold up with the log."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pydantic import BaseModel

from anabranch import SYSTEM, App, Cut, Model, freeze
from eventlog.decisions import DriftDetected, Publication, decisions_of
from eventlog.errors import LogUnavailableError
from eventlog.log import Log
from eventlog.log.segment import Segment, joined
from speed.base_layer import BaseLayer
from speed.checkpoint import Checkpoints
from speed.fold import Effects, apply, events_of, fold_events
from speed.outbox import Outbox
from speed.recovery import recover
from speed.state import Adopt, SpeedState, forget_expired

if TYPE_CHECKING:
    from speed.learning.forecast import PendingForecast
    from speed.learning.learner import Learner

logger = logging.getLogger(__name__)
_READ_RECORDS = 4_096
_FOLDED_TOGETHER = 1_000
_FOLDED_WITH_MODELS = 100
"""Events with models that are folded at a time: a prediction request waits no longer than they take."""
_GATHER_SECONDS = 0.008
"""How long small commits are gathered before they are folded: every fold takes time from those that append."""
_IDLE_SECONDS = 0.25
_RETRY_SECONDS = 0.5
_YIELD_SECONDS = 0.0002
_WARNINGS_KEPT = 20


class Consumer:
    """Folds the log as it grows, answers how far it is, and checkpoints.

    Parameters
    ----------
    app, log
        What is folded.
    checkpoints
        Where the state is kept.
    adopt
        Whether a published generation can be served; see `speed.state.Adopt`. It may take its time: it is asked
        before the state is locked, and its answers are expected to be remembered.
    checkpoint_seconds, checkpoint_records
        A checkpoint is due when either has passed since the last one and something was folded.
    clock
        Microseconds since 1970; only `lag_seconds` looks at it.
    published
        Opens a generation that was adopted, for models; it, too, is expected to remember. None: no model asks.
    on_drift
        Called with a model and the time in microseconds of an alarm of its drift detector, when the fold meets it in
        the log; after a restart perhaps again.
    """

    def __init__(
        self,
        app: App,
        log: Log,
        checkpoints: Checkpoints,
        adopt: Adopt,
        *,
        checkpoint_seconds: float = 30.0,
        checkpoint_records: int = 1_000_000,
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000,
        published: Callable[[Publication], BaseLayer] | None = None,
        on_drift: Callable[[Model, int], None] = lambda model, time: None,
    ):
        self.app = app
        self.log = log
        self.checkpoints = checkpoints
        self.adopt = adopt
        self.checkpoint_seconds = checkpoint_seconds
        self.checkpoint_records = checkpoint_records
        self.clock = clock
        self.published = published
        self.on_drift = on_drift
        self.problem: str | None = None
        self.warnings: deque[str] = deque(maxlen=_WARNINGS_KEPT)
        self.caught_up = False
        self.records_folded = 0
        self.failures_by_view: Counter[str] = Counter()
        self._state = SpeedState(learners=self._learners())
        self._state.look_again(app, None)  # until it has recovered, it answers as if there were nothing
        self._outbox = Outbox(log)
        self._with_models = {model.on.name for model in app.models.values()}
        self._lock = threading.Lock()
        self._readers_waiting = 0
        self._behind_since_us: int | None = None
        self._waiters: list[tuple[Cut, Future[Cut]]] = []
        self._waiters_lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._last_checkpoint = time.monotonic()
        self._records_since_checkpoint = 0

    # life

    def start(self) -> None:
        """Recover, and go on in a thread of its own."""
        self._thread = threading.Thread(target=self._run, name="speed", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop after the current segment, with a last checkpoint. Safe to call twice."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        with self._waiters_lock:
            for _, future in self._waiters:
                future.cancel()
            self._waiters.clear()

    # reading

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
        """Whether somebody has the state locked at this moment, so that who asks now would wait a little."""
        return self._lock.locked()

    @contextmanager
    def reading(self) -> Iterator[SpeedState]:
        """The state, standing still. Keep it short, and change nothing: the fold waits meanwhile."""
        self._readers_waiting += 1
        with self._lock:
            self._readers_waiting -= 1
            yield self._state

    def ask(self, model: Model, example: BaseModel, time_us: int | None) -> PendingForecast | freeze.Failed:
        """What a model says of an example as everything stands now, but for its champion: see `PendingForecast`.

        Parameters
        ----------
        example
            Made by ``model.example.read``.
        time_us
            When it happened; None: at the log's clock, the newest event time of its stream.

        Returns
        -------
        Asked or Failed
            Failed if the features function raised.
        """
        with self.reading() as state:
            assert state.lookups is not None
            state.lookups.now = state.watermarks.get(model.on.name, 0) if time_us is None else time_us
            features = freeze.features_of(model, example, state.lookups.views)
            if isinstance(features, freeze.Failed):
                return features
            return state.learners[model.name].ask(features, state.publication, state.cut)

    def when_past(self, cut: Cut) -> Future[Cut]:
        """A future that is resolved with the fold's cut once that covers `cut`."""
        future: Future[Cut] = Future()
        with self._waiters_lock:
            if self.cut.covers(cut):
                future.set_result(self.cut)
            else:
                self._waiters.append((cut, future))
        return future

    def lag_seconds(self) -> float:
        """How long the oldest record that is not folded yet has waited; 0 when there is none."""
        since = self._behind_since_us
        return 0.0 if since is None else max(0.0, (self.clock() - since) / 1e6)

    # the loop

    def _run(self) -> None:
        try:
            self._recover()
            target = self.log.end()
            while not self._stopping.is_set():
                if self.cut.covers(target):
                    self.caught_up = True
                self._step()
            self._outbox.flush(idle=True)
            self._checkpoint()
        except Exception as error:  # whatever it is, it must be seen: readiness names it
            logger.exception("the fold stopped at %s", self.cut)
            self.problem = f"the fold stopped at {self.cut}: {error}"

    def _learners(self) -> dict[str, Learner]:
        """A learner that knows nothing for every model."""
        if not self.app.models:
            return {}
        from speed.learning.learner import Learner  # River is large: only models pay for it

        return {name: Learner(model) for name, model in self.app.models.items()}

    def _recover(self) -> None:
        recovery = recover(self.app, self.log, self.checkpoints, self.adopt)
        for problem in recovery.problems:
            logger.warning("%s", problem)
        logger.info("the fold goes on from %s, at %s", recovery.source, recovery.state.cut)
        self.warnings.extend(recovery.problems)
        state = recovery.state
        for name in self._state.learners.keys() - state.learners.keys() if state.cut.offsets[0] else ():
            self.warnings.append(f"model {name!r} begins to learn at {state.cut}: its speed layer was not kept")
            logger.warning("%s", self.warnings[-1])
        state.learners = {**self._state.learners, **state.learners}
        if state.publication is not None and self.published is not None:
            below = self.published(state.publication)
            for learner in state.learners.values():
                learner.champions = learner.champions or below.champions(learner.model)
        state.look_again(self.app, self.published)
        with self._lock:
            self._state = state
        if state.learners and not recovery.from_checkpoint:
            self._save()  # killed before the next one, models begin here again, whatever is published until then

    def _step(self) -> None:
        """Fold what there is, or wait for more."""
        try:
            segments = self.log.read(self.cut, _READ_RECORDS)
            self.problem = None
        except LogUnavailableError as error:
            self.problem = f"the log cannot be read: {error}"
            self._stopping.wait(_RETRY_SECONDS)
            return
        for segment in joined(segments, _FOLDED_TOGETHER):
            self._behind_since_us = segment.appended
            self._fold(segment)
            if self._stopping.is_set():
                return
        if segments and sum(segment.count for segment in segments) < _READ_RECORDS:
            self._behind_since_us = None  # it was all there was
        if self._checkpoint_due():
            self._checkpoint()
        self._outbox.flush(idle=not segments)
        if not segments:
            self._behind_since_us = None
            self.log.wait(self.cut, _IDLE_SECONDS)
        elif segments[-1].end - segments[0].offset < _FOLDED_TOGETHER:
            self._stopping.wait(_GATHER_SECONDS)

    def _fold(self, segment: Segment) -> None:
        """Fold one segment: decode and open files first, so that the state is locked only while it changes."""
        if segment.stream in self.app.streams:
            whole = events_of(segment, self.app)
            _ = whole.values
            with_models = segment.stream in self._with_models
            if with_models and not whole.stream.takes_plain_values:
                _ = whole.models
            for events in whole.pieces(_FOLDED_WITH_MODELS if with_models else _FOLDED_TOGETHER):
                self._let_readers_in()
                with self._lock:
                    effects = fold_events(self._state, events, self.app)
                self._after(effects, len(events))
        else:
            if segment.stream == SYSTEM:
                self._open_files(segment)
            self._let_readers_in()
            with self._lock:
                effects = apply(self._state, segment, self.app, self.adopt, self.published)
            self._after(effects, segment.count)

    def _let_readers_in(self) -> None:
        if self._readers_waiting:
            time.sleep(_YIELD_SECONDS)  # Python's locks are not fair

    def _after(self, effects: Effects, records: int) -> None:
        self.failures_by_view.update(effects.failures)
        self.records_folded += records
        self._records_since_checkpoint += records
        self._outbox.add(effects)
        self._wake()

    def _open_files(self, segment: Segment) -> None:
        """Open what decisions announce, and tell of it, before the state is locked to fold them."""
        for record, decision in decisions_of(segment):
            match decision:
                case Publication():
                    self._open_generation(decision)
                case DriftDetected():
                    self._tell_of_drift(decision, record.appended)

    def _open_generation(self, publication: Publication) -> None:
        if not self.adopt(publication):
            warning = f"generation {publication.generation} cannot be served; its events stay in the epochs"
            logger.warning("%s", warning, extra={"generation": publication.generation})
            self.warnings.append(warning)
        elif self.published is not None:
            below = self.published(publication)
            for name, version in publication.promoted.items():
                if name in self.app.models:
                    below.predictor(self.app.models[name], version)

    def _tell_of_drift(self, alarm: DriftDetected, appended: int) -> None:
        model = self.app.models.get(alarm.model)
        if model is not None:
            facts = {"model": model.name, "at": alarm.at}
            logger.warning(
                "drift: the blend of model %r is worse than it was, at %s", model.name, alarm.at, extra=facts
            )
            self.on_drift(model, appended)

    def _wake(self) -> None:
        with self._waiters_lock:  # not without it: who asks may have looked at the cut, and not be among them yet
            if not self._waiters:
                return
            cut = self.cut
            reached = [future for wanted, future in self._waiters if cut.covers(wanted)]
            self._waiters = [
                (wanted, future)
                for wanted, future in self._waiters
                if not cut.covers(wanted) and not future.cancelled()  # who waited in vain has gone
            ]
        for future in reached:
            if future.set_running_or_notify_cancel():
                future.set_result(cut)

    def _checkpoint_due(self) -> bool:
        seconds = time.monotonic() - self._last_checkpoint
        return self._records_since_checkpoint >= self.checkpoint_records or (
            self._records_since_checkpoint > 0 and seconds >= self.checkpoint_seconds
        )

    def _checkpoint(self) -> None:
        """Save the state. Only this thread changes it, so readers need not wait."""
        if not self._records_since_checkpoint:
            return
        with self._lock:
            if forget_expired(self._state, self.app) and self._state.lookups is not None:
                self._state.look_again(self.app, self.published)
        self._save()

    def _save(self) -> None:
        try:
            self.checkpoints.save(self._state, self.app)
        except OSError as error:  # a full disk must not stop the fold: the log is the truth
            logger.warning("no checkpoint at %s: %s", self.cut, error)
            self.warnings.append(f"no checkpoint at {self.cut}: {error}")
        self._last_checkpoint = time.monotonic()
        self._records_since_checkpoint = 0
