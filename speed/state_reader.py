"""What both readers of the speed layer share: how an answer is taken from a state that stands still."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager, suppress
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from anabranch import App, Cut, Model, View
from anabranch.features.fold import FailedFeatures, features_of
from eventlog.decisions import Publication
from eventlog.decisions.champions import NONE_YET
from speed.epoch_sizes import EpochSize, sizes_by_view
from speed.key_index import KeyIndex
from speed.page_reading import Asked, EpochsChangedError, read_keys, read_many
from speed.reader import Choose, EpochBorder, ModelReport, Moment, ReportData, SpeedTiles
from speed.state import SpeedState
from speed.tile_selection import Place

if TYPE_CHECKING:
    from speed.learning.forecast import PendingForecast

_ATTEMPTS = 5
"""So often a page is read in steps before all of it is taken at once."""


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
        asked = Asked(view, keys, place, choose, publication)
        if not take:
            with self.holding() as state:
                return asked.taken(state, None)
        if len(keys) == len(view.key_fields):
            return read_keys(self.holding, asked, [tuple([keys[field] for field in view.key_fields])])
        for _ in range(_ATTEMPTS):
            index = self._indexes.setdefault(view.name, KeyIndex(view))
            with index.lock, suppress(EpochsChangedError):
                return read_many(self.holding, index, asked)
        index = self._indexes.setdefault(view.name, KeyIndex(view))
        with index.lock, self.holding() as state:  # whatever it takes: epochs came and went while it was tried
            index.add(index.take_new(state))
            return asked.taken(state, index.wanted(keys, place))

    def ask(self, model: Model, example: BaseModel, time_us: int | None) -> PendingForecast | FailedFeatures:
        """What a model says of an example as everything stands now, but for its champion."""
        with self.holding() as state:
            assert state.lookups is not None
            state.lookups.now = state.watermarks.get(model.on.name, 0) if time_us is None else time_us
            features = features_of(model, example, state.lookups.views)
            state.lookups.check()
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
