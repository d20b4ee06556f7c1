"""The fold of views and features together: what every layer runs, and why training and serving cannot differ.

The features of an event are computed from the views as they stand just before it: what a model learns from later are
these, not those of the moment when the label arrives.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from anabranch.contributions import Contributions, Tiles
from anabranch.events import Events
from anabranch.features.lookups import Lookups, Views
from anabranch.features.plain import Features, last_line, plain_features
from anabranch.features.stretch import Stretch
from anabranch.model import Model
from anabranch.view import View
from anabranch.watermarks import Watermarks


@dataclass(frozen=True, slots=True)
class FailedFeatures:
    """What became of an event on which a features function raised: the last line of its traceback."""

    reason: str
    error: Exception


FrozenFeatures = list[Features | FailedFeatures]
"""Of each event of a stretch: its features, or why there are none."""


def fold(
    views: Sequence[View],
    models: Sequence[Model],
    tiles_by_view: dict[str, Tiles],
    lookups: Lookups,
    watermarks: Watermarks,
    events: Events,
    note: Callable[[Contributions], None] = lambda contributions: None,
) -> tuple[dict[str, FrozenFeatures], Mapping[str, int]]:
    """Fold a stretch of events into its views, and compute the features of each event just before it is folded.

    Tiles and watermarks change last and together: if anything raises before, they are as they were.

    Parameters
    ----------
    views, models
        Those of the events' stream.
    tiles_by_view
        Where the events are folded; the newest layer of `lookups`.
    watermarks
        The newest event time by stream, in microseconds; brought up to date.
    events
        At least one.
    note
        Told, for every view, what was folded into its tiles.

    Returns
    -------
    frozen, failures
        By model, what became of each event; by view, on how many events a function of the user raised.

    Raises
    ------
    LayerUnreadableError
        If the layer below could not be read.
    """
    stream = events.stream.name
    stretch = Stretch.of(views, events, tiles_by_view, watermarks.get(stream))
    with lookups.reading(stretch):
        frozen = _features(stretch, models, lookups)
    stretch.fold()
    for touched in stretch.touched.values():
        note(touched.contributions)
    watermarks[stream] = stretch.clock
    return frozen, stretch.failures


def features_of(model: Model, example: Any, views: Views) -> Features | FailedFeatures:
    """The features of an example as the views stand, or why there are none."""
    try:
        return plain_features(model.features(example, views))
    except Exception as error:  # a function of the user may raise anything; it harms this event in this model alone
        return FailedFeatures(last_line(error), error)


def _features(stretch: Stretch, models: Sequence[Model], lookups: Lookups) -> dict[str, FrozenFeatures]:
    """By model, the features of each event of a stretch as the views stand before it."""
    frozen: dict[str, FrozenFeatures] = {model.name: [] for model in models}
    if not models:
        return frozen
    events = stretch.events
    plain = events.stream.takes_plain_values
    for index, event in enumerate(events.values if plain else events.models):
        lookups.stand_before(index)
        for model in models:
            example = model.example.of_values(event) if plain else model.example.of(event)  # type: ignore[arg-type]  # `plain` says which
            frozen[model.name].append(features_of(model, example, lookups.views))
    lookups.check()
    return frozen
