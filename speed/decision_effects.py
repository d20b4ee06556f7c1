"""What the system's own events do to the state, each at its place in the log.

=====================  ================================================================================
event                  what it does
=====================  ================================================================================
``batch_started``      opens an epoch
``batch_failed``       joins its epoch to the one before
``batch_published``    drops the epochs that the generation covers, and makes new versions champions
``model_promoted``     makes a version the champion
``model_rolled_back``  makes the champion before it the champion again
``drift_detected``     is remembered, to be shown
others                 nothing
=====================  ================================================================================
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from anabranch import App, Cut, CutError
from anabranch.instant import iso
from eventlog.decisions import Publication
from eventlog.log.segment import Record
from speed.base_layer import BaseLayer
from speed.state import Adopt, Epoch, SpeedState


def apply_decision(
    state: SpeedState,
    record: Record,
    app: App,
    adopt: Adopt,
    published: Callable[[Publication], BaseLayer] | None,
) -> None:
    """Obey a system event; see the table. `published` opens a generation that was adopted."""
    marker = record.data
    kind = marker["kind"]
    if kind == "batch_started":
        _join_pending(state, app)  # the lease fences an older run: it can no longer publish
        state.epochs.append(Epoch(Cut((record.offset,)), marker["run"]))
    elif kind == "batch_failed" and state.epochs[-1].run == marker["run"]:
        _join_pending(state, app)
    elif kind == "batch_published":
        publication = Publication.of(marker)
        _publish(state, publication, adopt)
        for name, version in publication.promoted.items():
            if name in state.learners:
                state.learners[name].promote(version)
    elif kind in _CHAMPION_KINDS and marker["model"] in state.learners:
        learner = state.learners[marker["model"]]
        (learner.promote if kind == "model_promoted" else learner.roll_back)(marker["version"])
    elif kind == "drift_detected" and marker["model"] in state.learners:
        state.learners[marker["model"]].note_alarm(marker["at"], iso(record.appended))
        return
    else:
        return
    state.look_again(app, published)


_CHAMPION_KINDS = ("model_promoted", "model_rolled_back")


def _join_pending(state: SpeedState, app: App) -> None:
    """Give an epoch whose run will not publish back to the one before it."""
    while len(state.epochs) > 1:
        later = state.epochs.pop()
        state.epochs[-1].join(later, app)


def _publish(state: SpeedState, publication: Publication, adopt: Adopt) -> None:
    """Drop what the published generation covers; keep everything if it cannot be served."""
    if not adopt(publication):
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
