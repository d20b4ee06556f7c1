"""The pure fold: one segment of the log after the other into the state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from anabranch import SYSTEM, App, Cut, CutError, Events
from anabranch.features.fold import FailedFeatures, FrozenFeatures, fold
from eventlog.decisions import DriftDetected, FeatureSample, Publication
from eventlog.log.segment import Segment
from speed.base_layer import BaseLayer
from speed.decision_effects import apply_decision
from speed.state import CanServe, SpeedState

if TYPE_CHECKING:
    from speed.learning.learner import Learner  # River is large: only an application with models pays for it


@dataclass(slots=True)
class Effects:
    """What the fold of some records gives to the world.

    Attributes
    ----------
    failures
        By view, on how many events a function of the user raised.
    alarms
        Wherever a drift detector raised an alarm.
    samples
        Features to be kept for the skew test.
    """

    failures: Counter[str] = field(default_factory=Counter)
    alarms: list[DriftDetected] = field(default_factory=list)
    samples: list[FeatureSample] = field(default_factory=list)


def apply(
    state: SpeedState,
    segment: Segment,
    app: App,
    can_serve: CanServe,
    published: Callable[[Publication], BaseLayer] | None = None,
) -> Effects:
    """Fold one segment into `state`, in place.

    Parameters
    ----------
    segment
        The records that come next. Nothing happens if they do not begin exactly at ``state.cut``.
    can_serve
        Asked once for every ``batch_published`` marker.
    published
        Opens a generation that was adopted; only models ask for it.

    Raises
    ------
    CutError
        If the segment leaves a gap or overlaps what was folded.
    """
    if segment.stream in app.streams:
        return fold_events(state, events_of(segment, app), app)
    _check_next(state, segment.partition, segment.offset)
    if segment.stream == SYSTEM:
        for record in segment.records():
            apply_decision(state, record, app, can_serve, published)
    state.cut = Cut((segment.end,))
    return Effects()


def fold_events(state: SpeedState, events: Events, app: App) -> Effects:
    """Fold the events of one of the application's streams; see `apply`."""
    _check_next(state, events.partition, events.offset)
    effects = Effects()
    stream = events.stream.name
    models = [model for model in app.models_of(stream) if model.name in state.learners]
    tiles_by_view = state.epochs[-1].tiles
    if state.lookups is None:
        state.attach_generation(app, None)
    assert state.lookups is not None
    views, watermarks = app.views_of(stream), state.watermarks
    frozen, failures = fold(views, models, tiles_by_view, state.lookups, watermarks, events, state.note_touched)
    effects.failures.update(failures)
    for model in models:
        learner = state.learners[model.name]
        alarms = learner.fold(events, frozen[model.name])
        effects.alarms += [DriftDetected(model.name, offset, DETECTOR) for offset in alarms]
        effects.samples += _samples(learner, events, frozen[model.name])
    for learner in state.learners.values():
        label = learner.model.later_label
        if label is not None and label.stream.name == stream:
            alarms = learner.fold_labels(events)
            effects.alarms += [DriftDetected(learner.model.name, offset, DETECTOR) for offset in alarms]
    state.cut = Cut((events.offset + len(events),))
    return effects


def events_of(segment: Segment, app: App) -> Events:
    """The events of a segment of one of the application's streams."""
    return Events(app.streams[segment.stream], segment.partition, segment.offset, segment.times, segment.data)


def _check_next(state: SpeedState, partition: int, offset: int) -> None:
    expected = state.cut.offsets[partition]
    if offset != expected:
        raise CutError(f"fold of partition {partition}", expected, offset)


DETECTOR = "ADWIN"
"""What `speed.learning.drift` watches with, as alarms in the log name it."""
SAMPLED = 61
"""Of so many examples, one has its frozen features sampled for the skew test of the next batch run."""


def _samples(learner: Learner, events: Events, frozen: FrozenFeatures) -> list[FeatureSample]:
    """The samples among these examples: chosen by their place in the log alone, so that a fold that repeats itself
    chooses the same.
    """
    model = learner.model
    found = []
    for index in range(-events.offset % SAMPLED, len(frozen), SAMPLED):
        features = frozen[index]
        # what was set aside is no training row of the batch layer either, so there would be nothing to compare
        if not isinstance(features, FailedFeatures) and learner.kinds.refusal(features) is None:
            found.append(FeatureSample(model.name, model.fingerprint, events.offset + index, features))
    return found
