"""What both readers of the speed layer share: how an answer is taken from a state that stands still."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from anabranch import App, Cut, Model, View
from anabranch.features.fold import FailedFeatures, features_of
from anabranch.view import Key
from eventlog.decisions import Publication
from eventlog.decisions.champions import NONE_YET
from speed.epoch_sizes import EpochSize, sizes_by_view
from speed.key_index import KeyIndex, in_order, matches
from speed.reader import Choose, EpochBorder, ModelReport, Moment, ReportData, SpeedTiles
from speed.state import SpeedState
from speed.tile_selection import Place, take

if TYPE_CHECKING:
    from speed.learning.forecast import PendingForecast

_NEW_KEYS_AT_ONCE = 1_000
"""So many keys are sorted in while the state stands still; more are sorted in before."""


class StateReader(ABC):
    """Answers from a state; see `speed.reader.SpeedReader` for what its methods promise.

    Parameters
    ----------
    app
        Whose state it is.
    """

    def __init__(self, app: App):
        self.app = app
        self._indexes: dict[str, KeyIndex] = {}

    @abstractmethod
    def holding(self) -> AbstractContextManager[SpeedState]:
        """The state, standing still. For `speed` alone: keep it short, and change nothing."""

    # where it is

    def moment(self) -> Moment:
        """Cut, publication and epochs of one moment."""
        with self.holding() as state:
            return _moment(state)

    # what it knows

    def tiles(
        self,
        view: View,
        keys: Mapping[str, Any],
        place: Place | None,
        choose: Choose,
        publication: Publication | None,
        *,
        take: bool = True,
    ) -> SpeedTiles | None:
        """Some tiles of a view, all at one cut."""
        if len(keys) == len(view.key_fields) or not take:
            key = tuple([keys[field] for field in view.key_fields]) if take else ()
            with self.holding() as state:
                return _taken(state, view, choose, publication, [key] if take else None)
        index = self._indexes.setdefault(view.name, KeyIndex(view))
        with index.lock:
            return self._tiles_of_many(index, view, keys, place, choose, publication)

    def _tiles_of_many(
        self,
        index: KeyIndex,
        view: View,
        keys: Mapping[str, Any],
        place: Place | None,
        choose: Choose,
        publication: Publication | None,
    ) -> SpeedTiles | None:
        """Have the index know all keys but a few, then take these and the tiles of one page in one go."""
        passed_over: list[Key] | None = None
        while True:
            with self.holding() as state:
                new = index.take_new(state)
                if len(new) <= _NEW_KEYS_AT_ONCE and (passed_over is not None or not index.is_filtered(keys)):
                    index.add(new)
                    wanted: Iterable[Key] = index.wanted(keys, place)
                    if passed_over is not None:  # all keys had to be looked at: that was done before
                        few = [key for key in new if matches(key, view.key_fields, keys)]
                        wanted = in_order({*passed_over, *few}) if few else passed_over
                    return _taken(state, view, choose, publication, wanted)
            index.add(new)
            if index.is_filtered(keys):
                passed_over = list(index.wanted(keys, place))

    def ask(self, model: Model, example: BaseModel, time_us: int | None) -> PendingForecast | FailedFeatures:
        """What a model says of an example as everything stands now, but for its champion."""
        with self.holding() as state:
            assert state.lookups is not None
            state.lookups.now = state.watermarks.get(model.on.name, 0) if time_us is None else time_us
            features = features_of(model, example, state.lookups.views)
            if isinstance(features, FailedFeatures):
                return features
            return state.learners[model.name].ask(features, state.publication, state.cut)

    def report_of(self, model: Model) -> ModelReport:
        """How a model does."""
        with self.holding() as state:
            learner = state.learners[model.name]
            return ModelReport(_moment(state), state.champions.get(model.name, NONE_YET), learner.report())

    def reports(self) -> tuple[Cut, dict[str, ReportData]]:
        """A cut, and how every model does there."""
        with self.holding() as state:
            return state.cut, {
                name: {
                    "task": learner.model.task,
                    "metric": learner.model.metric,
                    "champions": list(state.champions.get(name, NONE_YET).versions),
                    "learner": learner.report(),
                }
                for name, learner in state.learners.items()
            }

    def sizes(self) -> dict[str, EpochSize]:
        """How much the epochs hold of each view."""
        return sizes_by_view(self.app.views, self.holding)


def _moment(state: SpeedState) -> Moment:
    borders = tuple(EpochBorder(epoch.start, epoch.run) for epoch in state.epochs)
    return Moment(state.cut, state.publication, borders, dict(state.watermarks))


def _taken(
    state: SpeedState, view: View, choose: Choose, publication: Publication | None, keys: Iterable[Key] | None
) -> SpeedTiles | None:
    """The tiles of some keys; None for `keys`: none are asked for."""
    if state.publication != publication:
        return None
    selection = choose(state.watermarks.get(view.of.name))
    if selection is None or keys is None:
        return SpeedTiles(state.cut, selection, None)
    epochs = [epoch.tiles[view.name] for epoch in state.epochs if view.name in epoch.tiles]
    return SpeedTiles(state.cut, selection, take(view, epochs, selection, keys))
