"""The fold of views and features together: what every layer runs, and why training and serving cannot differ.

The features of an event are computed from the views as they stand just before it, and then frozen: what a model
learns from later are these, not those of the moment when the label arrives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from anabranch.events import Events
from anabranch.features import Features, last_line, plain_features
from anabranch.lookups import Lookups, Views
from anabranch.model import Model
from anabranch.view import Tiles, View


@dataclass(frozen=True, slots=True)
class Failed:
    """What became of an event on which a features function raised: the last line of its traceback."""

    reason: str
    error: Exception


Frozen = list[Features | Failed]
"""Of each event of a run: its features, or why there are none."""


def fold(
    views: Sequence[View],
    models: Sequence[Model],
    tiles_by_view: dict[str, Tiles],
    lookups: Lookups,
    watermarks: dict[str, int],
    events: Events,
) -> tuple[dict[str, Frozen], Mapping[str, int]]:
    """Fold a run of events of one stream into its views, and compute the features of each just before it is folded.

    Parameters
    ----------
    views, models
        Those of the events' stream.
    tiles_by_view
        Where the events are folded; the newest layer of `lookups`.
    watermarks
        The newest event time by stream; brought up to date.

    Returns
    -------
    frozen, failures
        By model, what became of each event; by view, on how many events a function of the user raised.
    """
    pending = {view.name: view.contributions(tiles_by_view.setdefault(view.name, {}), events) for view in views}
    failures = {name: contributions.failures for name, contributions in pending.items() if contributions.failures}
    frozen: dict[str, Frozen] = {model.name: [] for model in models}
    lookups.pending = pending
    stream, times = events.stream.name, events.times
    if models:
        watermark = watermarks.get(stream)
        plain = events.stream.takes_plain_values
        for index, event in enumerate(events.values if plain else events.models):
            lookups.index = index
            lookups.now = now = times[index]
            for model in models:
                example = model.example.of_values(event) if plain else model.example.of(event)  # type: ignore[arg-type]  # `plain` says which
                frozen[model.name].append(features_of(model, example, lookups.views))
            if watermark is None or now > watermark:
                watermark = watermarks[stream] = now
    else:
        newest = max(times)
        watermarks[stream] = max(newest, watermarks.get(stream, newest))
    lookups.fold_pending()
    return frozen, failures


def features_of(model: Model, example: Any, views: Views) -> Features | Failed:
    """The features of an example as the views stand, or why there are none."""
    try:
        return plain_features(model.features(example, views))
    except Exception as error:  # a function of the user may raise anything; it harms this event in this model alone
        return Failed(last_line(error), error)
