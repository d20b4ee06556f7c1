"""The thread that keeps the fold up with the log."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence

from anabranch import App, Cut, Model
from anabranch.errors import AnabranchError, LayerUnreadableError
from eventlog.decisions import DriftDetected, Publication, decisions_of, retracted_by
from eventlog.errors import LogUnavailableError
from eventlog.log import Log
from eventlog.log.segment import Segment
from eventlog.registry.replicas import Need
from eventlog.store.errors import StoreUnavailableError
from speed.base_layer import BaseLayer
from speed.catch_up import FOLDED_TOGETHER, catch_up
from speed.checkpoint import Checkpoints
from speed.checkpointing import Checkpointing
from speed.expiry import Expiry
from speed.fold import Effects, apply, events_of, fold_events
from speed.learners import new_learners
from speed.live_reader import LiveReader
from speed.opened_layer import OpenedLayers
from speed.outbox import Outbox
from speed.recovery import recover
from speed.state import CanServe, SpeedState

logger = logging.getLogger(__name__)
PASSING = (StoreUnavailableError, LayerUnreadableError, OSError, MemoryError)
"""What may be over at the next try, while nobody has done anything."""
_FOLDED_WITH_MODELS = 100
"""Events with models that are folded at a time: a prediction request waits no longer than they take."""
_GATHER_SECONDS = 0.008
"""How long small commits are gathered before they are folded: every fold takes time from those that append."""
_IDLE_SECONDS = 0.25
_RETRY_SECONDS = 0.5
_RETRY_SECONDS_MOST = 30.0


class Consumer:
    """Folds the log as it grows, and checkpoints. Nothing but `stop` ends it.

    While the log or the store cannot be read it waits where it is and tries again, from the state it has: it never goes
    on without what others who fold the same log could read. If anything else goes wrong in the
    middle of a change, the state is given up and recovered as after a restart, from the last checkpoint: answers go
    back to its cut for a while, which they tell. Meanwhile ``reader.trouble`` says why, and the
    lag grows.

    Parameters
    ----------
    app, log
        What is folded.
    checkpoints
        Where the state is kept.
    can_serve
        Whether a published generation can be served; see `speed.state.CanServe`. It may take its time: it is asked
        before the state is locked.
    checkpoint_seconds, checkpoint_records
        A checkpoint is due when either has passed since the last one and something was folded.
    clock
        Microseconds since 1970; only the lag looks at it.
    published
        Opens a generation that was adopted, for models; it, too, is expected to remember. None: no model asks.
    on_drift
        Called with a model and the time in microseconds of an alarm of its drift detector, when the fold meets it in
        the log; after a restart perhaps again.
    tell_need
        Told what is needed to go on from the checkpoints; see `speed.checkpointing.Checkpointing`.
    retry_seconds
        How long it waits before it tries again what failed; longer and longer, if it goes on to fail.

    Attributes
    ----------
    reader
        How everybody else sees it.
    """

    def __init__(
        self,
        app: App,
        log: Log,
        checkpoints: Checkpoints,
        can_serve: CanServe,
        *,
        checkpoint_seconds: float = 30.0,
        checkpoint_records: int = 1_000_000,
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000,
        published: Callable[[Publication], BaseLayer] | None = None,
        on_drift: Callable[[Model, int], None] = lambda model, time: None,
        tell_need: Callable[[Need], None] = lambda need: None,
        retry_seconds: float = _RETRY_SECONDS,
    ):
        self.app = app
        self.log = log
        self._can_serve = can_serve
        self._published = published
        self._on_drift = on_drift
        self._retry_seconds = retry_seconds
        nothing = SpeedState(learners=new_learners(app))
        nothing.attach_generation(app, None)  # until it has recovered, it answers as if there were nothing
        self.reader = LiveReader(app, nothing, clock)
        self.reader.is_whole = False
        self._checkpointing = Checkpointing(app, checkpoints, checkpoint_seconds, checkpoint_records, tell=tell_need)
        self._expiry = Expiry(app)
        self._outbox = Outbox(log)
        self._with_models = {model.on.name for model in app.models.values()}
        self._first_end: Cut | None = None
        self._stuck_at: Cut | None = None
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

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
        self._checkpointing.close()
        self.reader.waiters.cancel()

    # the loop

    def _run(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            try:
                self._step()
            except LogUnavailableError as error:
                failures += 1
                self._rest(f"the log cannot be read: {error}", failures)
            except PASSING as error:  # that it cannot be read now decides nothing: others who fold the log can read it
                failures += 1
                trouble = f"the fold waits at {self.reader.cut}: {error or type(error).__name__}"
                self._mend()
                self._rest(trouble, failures)
            except AnabranchError as error:  # something is damaged: the message says what, and what to do
                failures += 1
                trouble = f"the fold cannot go on from {self.reader.cut}: {error}"
                self._mend()
                self._rest(trouble, failures)
            except Exception as error:  # whatever it is, it must neither end the fold nor stay unseen
                failures += 1
                trouble = f"the fold failed at {self.reader.cut}: {type(error).__name__}: {error}"
                logger.exception("%s", trouble)
                self.reader.trouble = trouble
                self._mend()
                self._rest(trouble, failures)
            else:
                failures = 0
        self._outbox.flush(idle=True)  # before the checkpoint: what lies before that is not given again
        self._checkpoint()

    def _mend(self) -> None:
        """Put a sound state in the place of one that was left in the middle of a change, if that can be done now."""
        if self.reader.is_whole:
            return
        try:
            self._recover()
        except Exception as error:  # `_step` tries again
            logger.warning("the fold could not be recovered yet: %s", error)

    def _rest(self, trouble: str, failures: int) -> None:
        """Say what is wrong, and wait: longer and longer, so that what fails for ever costs little."""
        if self.reader.trouble != trouble:
            logger.warning("%s", trouble)
        self.reader.trouble = trouble
        seconds = self._retry_seconds * 2.0 ** min(failures - 1, 16)
        self._stopping.wait(min(seconds, _RETRY_SECONDS_MOST))

    def _step(self) -> None:
        """Fold what there is, or wait for more."""
        reader = self.reader
        self._checkpointing.remind()  # at the start before anything else: what was kept must not be collected meanwhile
        if not reader.is_whole:
            self._recover()
        if self._first_end is None:
            self._first_end = self.log.end()
        looked, records = reader.lag.look(), 0  # the time before the look: what comes during it was not seen
        for segments in catch_up(self.log, reader.cut):
            records = segments[-1].end - segments[0].offset
            self._fold_all(segments)
            if self._stopping.is_set() or reader.cut != Cut((segments[-1].end,)):
                return
            if records < FOLDED_TOGETHER:  # it was all there was
                break
            self._note_progress()
            looked = reader.lag.look()
        self._note_progress()
        self._outbox.flush(idle=not records)
        reader.lag.seen_at_end(looked)
        if records:
            self._stopping.wait(_GATHER_SECONDS)
        else:
            self.log.wait(reader.cut, _IDLE_SECONDS)

    def _fold_all(self, segments: Sequence[Segment]) -> None:
        for segment in segments:
            self.reader.lag.behind(segment.appended)
            if held := self.reader.state.holds(retracted_by(segment)):
                told = ", ".join(f"0:{offset}" for offset in held)
                self._warn(f"{told} was taken out of the log; everything is folded again without it")
                self._recover()
                return
            try:
                self._fold(segment)
            except Exception:
                if not self.reader.is_whole:  # `_mend` goes back to a checkpoint, and will pass here once more
                    self._stuck_at = self.reader.cut
                raise
            if self._stopping.is_set():
                return

    def _note_progress(self) -> None:
        """What is to be done now and then."""
        reader = self.reader
        if self._first_end is not None and reader.cut.covers(self._first_end):
            reader.caught_up = True
        # a fold that failed goes over the same records first: until it is past them nothing is mended
        if self._stuck_at is None or (reader.cut != self._stuck_at and reader.cut.covers(self._stuck_at)):
            self._stuck_at = reader.trouble = None
        self._outbox.flush(idle=False)
        if self._checkpointing.is_due:
            self._checkpoint()

    # from where

    def _recover(self) -> None:
        recovery = recover(self.app, self.log, self._checkpointing.checkpoints, self._can_serve, self._published)
        for problem in recovery.problems:
            self._warn(problem)
        logger.info("the fold goes on from %s, at %s", recovery.source, recovery.state.cut)
        state, fresh = recovery.state, new_learners(self.app, recovery.state.watermarks)
        for name in fresh.keys() - state.learners.keys() if state.cut.offsets[0] else ():
            self._warn(f"model {name!r} begins to learn at {state.cut}: its speed layer was not kept")
        state.learners = {**fresh, **state.learners}
        state.attach_generation(self.app, self._published)
        self.reader.replace(state)
        if state.learners and not recovery.from_checkpoint and self.log.misfit is None:
            self._save()  # killed before the next one, models begin here again, whatever is published until then

    # one segment

    def _fold(self, segment: Segment) -> None:
        """Fold one segment: decode and open files first, so that the state is locked only while it changes."""
        if segment.stream in self.app.streams:
            whole = events_of(segment, self.app)
            _ = whole.values  # decoded here and remembered, as long as everybody may read
            with_models = segment.stream in self._with_models
            if with_models and not whole.stream.takes_plain_values:
                _ = whole.models
            for events in whole.pieces(_FOLDED_WITH_MODELS if with_models else FOLDED_TOGETHER):
                with self.reader.changing() as state:
                    effects = fold_events(state, events, self.app)
                self._after(effects, len(events))
        else:
            judged = self._judged(segment)
            opened = self._opened(segment, judged)
            with self.reader.changing() as state:
                effects = apply(state, segment, self.app, judged, opened)
            self._after(effects, segment.count)

    def _after(self, effects: Effects, records: int) -> None:
        self.reader.failures_by_view.update(effects.failures)
        self.reader.records_folded += records
        self._checkpointing.note(records)
        self._outbox.add(effects)
        self.reader.waiters.wake()

    def _judged(self, segment: Segment) -> CanServe:
        """Which of the generations that a segment announces can be served: asked now, the same under the lock."""
        found = {d: self._can_serve(d) for _, d in decisions_of(segment) if isinstance(d, Publication)}
        return found.__getitem__

    def _opened(self, segment: Segment, judged: CanServe) -> OpenedLayers | None:
        """Open what the decisions of a segment announce, if it holds any; then tell of them."""
        decisions = list(decisions_of(segment))
        opened = None if self._published is None else OpenedLayers(self._published)
        if opened is not None:
            state, made = self.reader.state, [decision for _, decision in decisions]
            opened.open(made, state.publication, state.champions, self.app.models, judged)
        for record, decision in decisions:
            match decision:
                case Publication() if not judged(decision):
                    self._warn_of_unserved(decision)
                case DriftDetected():
                    self._tell_of_drift(decision, record.appended)
        return opened

    def _warn_of_unserved(self, publication: Publication) -> None:
        warning = f"generation {publication.generation} cannot be served; its events stay in the epochs"
        if self.reader.state.learners:
            warning += ", and models go on without its versions"
        logger.warning("%s", warning, extra={"generation": publication.generation})
        self.reader.warn(warning)

    def _tell_of_drift(self, alarm: DriftDetected, appended: int) -> None:
        model = self.app.models.get(alarm.model)
        if model is None:
            return
        facts = {"model": model.name, "at": alarm.at}
        logger.warning("drift: the blend of model %r is worse than it was, at %s", model.name, alarm.at, extra=facts)
        try:
            self._on_drift(model, appended)
        except Exception:  # what somebody does about it is not the fold's concern
            logger.exception("what was to be done about the drift of model %r failed", model.name)

    # checkpoints

    def _checkpoint(self) -> None:
        """Save the state. Only this thread changes it, so readers need not wait.

        Not while the log takes nothing: it may be an older copy, and the checkpoints that would make room are those
        that will be needed when it is whole again.
        """
        if not self._checkpointing.is_wanted or not self.reader.is_whole or self.log.misfit is not None:
            return
        if self._expiry.drop_expired(self.reader.state, self.reader.changing):
            with self.reader.changing() as state:  # what lookups remember may be of tiles that went
                state.forget_lookups()
        self._save()

    def _save(self) -> None:
        problem = self._checkpointing.save(self.reader.state)
        if problem is not None:
            self.reader.warn(problem)

    def _warn(self, warning: str) -> None:
        logger.warning("%s", warning)
        self.reader.warn(warning)
