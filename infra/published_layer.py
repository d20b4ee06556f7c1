"""A generation as the speed layer asks for it: the layer below its epochs."""

from __future__ import annotations

import logging

from anabranch import App, Model, View
from anabranch.contributions import Cells, Key
from anabranch.watermarks import Watermarks
from batch.errors import GenerationError
from batch.generation import Generation
from speed.base_layer import Predictor

logger = logging.getLogger(__name__)


class PublishedLayer:
    """The exact views and the models of a generation; see `speed.base_layer.BaseLayer`.

    Attributes
    ----------
    problems
        What is wrong with a version that cannot be used, a sentence each.
    """

    def __init__(self, generation: Generation):
        self.generation = generation
        self.problems: list[str] = []
        self._refused: set[tuple[str, int]] = set()

    def tiles_of(self, view: View, key: Key, first: int | None) -> dict[int, Cells]:
        """The tiles of a key that start at `first` or later, by start."""
        keys = dict(zip(view.key_fields, key, strict=True))
        return {start: cells for _, start, cells in self.generation.tiles(view, keys, start=first)}

    def predictor(self, model: Model, version: int) -> Predictor | None:
        """A version of a model; None, and said once in the log of the program, if it cannot be used."""
        try:
            return self.generation.predictor(model, version)
        except GenerationError as error:
            if (model.name, version) not in self._refused:
                self._refused.add((model.name, version))
                self.problems.append(str(error))
                logger.warning("version %s of model %r cannot be used: %s", version, model.name, error)
            return None

    def watermarks(self, app: App) -> Watermarks:
        """The newest event time of every stream before its cut, in microseconds."""
        return self.generation.watermarks(app)

    def holdout_loss(self, model: Model, version: int) -> float | None:
        """What a version lost on its holdout, on average; None: that is not known."""
        for held in self.generation.versions(model.name):
            if held["version"] == version:
                loss: float | None = held["holdout"]["loss"]
                return loss
        return None
