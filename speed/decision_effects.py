"""What decisions do to the state, each at its place in the log.

=====================  ================================================================================
decision               what it does
=====================  ================================================================================
``batch_started``      opens an epoch
``batch_failed``       joins its epoch to the one before
``batch_published``    drops the epochs that the generation covers, and makes new versions champions
``model_promoted``     makes a version the champion
``model_rolled_back``  makes the champion before it the champion again
``drift_detected``     is remembered, to be shown
``event_retracted``    nothing, where the state has left the event out; else it must be made again
others                 nothing: a later version of this program may have written them
=====================  ================================================================================
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from anabranch import App, Cut, CutError
from anabranch.instant import iso
from eventlog.decisions import (
    BatchFailed,
    BatchStarted,
    DriftDetected,
    EventRetracted,
    ModelPromoted,
    ModelRolledBack,
    Publication,
    UnknownDecision,
    decision_of,
)
from eventlog.decisions.champions import champions_after
from eventlog.log.segment import Record
from speed.base_layer import BaseLayer
from speed.errors import RetractedError
from speed.state import CanServe, Epoch, SpeedState


def apply_decision(
    state: SpeedState,
    record: Record,
    app: App,
    can_serve: CanServe,
    published: Callable[[Publication], BaseLayer] | None,
) -> None:
    """Fold one record of the system's stream into `state`, in place; the module's table says what comes of it.

    Parameters
    ----------
    can_serve, published
        As for `speed.fold.apply`.

    Raises
    ------
    CorruptLogError
        If the record is not what was written.
    CutError
        If a generation that can be served does not abut the epochs.
    RetractedError
        If an event is taken out that the state has folded.
    """
    decision = decision_of(record)
    match decision:
        case BatchStarted(run=run):
            _join_pending(state, app)  # the lease fences an older run: it can no longer publish
            state.epochs.append(Epoch(Cut((record.offset,)), run))
        case BatchFailed(run=run):
            if state.epochs[-1].run != run:
                return  # a later run has begun meanwhile, and that joined this run's epoch already
            _join_pending(state, app)
        case Publication() as publication:
            _publish(state, publication, can_serve)
        case ModelPromoted() | ModelRolledBack():
            pass  # what it does to the champions, and publications do, is in `champions_after`
        case DriftDetected(model=name) as alarm:
            if name in state.learners:
                state.learners[name].note_alarm(alarm.at, iso(record.appended))
            return
        case EventRetracted(offset=offset):
            if held := state.holds([offset]):
                raise RetractedError(held)
            return
        case UnknownDecision():
            return
    state.champions = champions_after(state.champions, decision)
    state.attach_generation(app, published)


def _join_pending(state: SpeedState, app: App) -> None:
    """Give an epoch whose run will not publish back to the one before it."""
    while len(state.epochs) > 1:
        later = state.epochs.pop()
        state.epochs[-1].join(later, app)


def _publish(state: SpeedState, publication: Publication, can_serve: CanServe) -> None:
    """Drop what the published generation covers; keep everything if it cannot be served."""
    if not can_serve(publication):
        return
    kept = [epoch for epoch in state.epochs if not _before(epoch.start, publication.cut)]
    if not kept or kept[0].start != publication.cut:
        raise CutError(
            f"generation {publication.generation} and the epochs behind it",
            publication.cut,
            kept[0].start if kept else state.epochs[-1].start,
        )
    kept[0] = replace(kept[0], run=None)
    state.epochs = kept
    state.publication = publication


def _before(cut: Cut, other: Cut) -> bool:
    return not cut.covers(other)
