"""What the speed layer asks of a published generation. The batch layer has it; neither imports the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from anabranch import App
from anabranch.contributions import Cells, Key
from anabranch.features import Features
from anabranch.model import LabelValue, Model
from anabranch.view import View
from anabranch.watermarks import Watermarks

Part = float | Mapping[LabelValue, float]
"""A prediction of one expert: a number in a regression, else the probability of every class."""


class Predictor(Protocol):
    """One version of a model, as the batch layer trained it. It never changes."""

    @property
    def version(self) -> int:
        """The number of the generation that trained it."""
        ...

    def predict(self, rows: Sequence[Features]) -> Sequence[Part]:
        """The prediction for each row. It does not depend on the other rows."""
        ...


class BaseLayer(Protocol):
    """A generation: the exact views of everything before its cut, and the models trained on it.

    It is opened at recovery, and for every segment of decisions that the fold meets; who opens it remembers the newest.
    Nothing of it is kept in a checkpoint but its number and digest: after a crash it is opened again from its files.
    """

    def tiles_of(self, view: View, key: Key, first: int | None) -> dict[int, Cells]:
        """The tiles of a key that start at `first` or later, by start; None: all of them.

        Asked while the state is locked, once for a key and window that a features function looks up for the first time.
        """
        ...

    def predictor(self, model: Model, version: int) -> Predictor | None:
        """A version of a model; None if the generation does not have it, or it cannot be used, now or ever.

        Where its file cannot be read for the moment it raises, and is asked again: with None the fold would go on.

        Asked before the state is locked, when it may take seconds, and then under the lock: see `speed.opened_layer`.
        """
        ...

    def watermarks(self, app: App) -> Watermarks:
        """The newest event time of every stream before its cut, in microseconds; a stream without events has none.

        Asked once, at recovery: a fold that begins at the cut, or goes on behind it, must not know less.
        """
        ...

    def holdout_loss(self, model: Model, version: int) -> float | None:
        """What a version lost on its holdout, on average; None: that is not known."""
        ...
