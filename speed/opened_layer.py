"""What the fold asks of a generation while its state is locked, asked before.

To open a champion means to read a file, to hash it and to unpickle what a user's library makes of it: seconds, in which
nobody could read anything. So before a segment of decisions is folded, everybody who may become champion by it is
opened; under the lock the answers are looked up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from anabranch import Model
from eventlog.decisions import Decision, Publication, champions_by_model
from eventlog.decisions.champions import NONE_YET, ChampionsByModel
from speed.base_layer import BaseLayer, Predictor
from speed.state import champion_of


class OpenedLayer:
    """A generation that is asked for every version once; see `speed.base_layer.BaseLayer`.

    It is made for one segment and goes with it: a version that could not be used is tried again at the next decision.
    """

    def __init__(self, layer: BaseLayer):
        self.tiles_of = layer.tiles_of
        self.watermarks = layer.watermarks
        self.holdout_loss = layer.holdout_loss
        self._layer = layer
        self._predictors: dict[tuple[str, int], Predictor | None] = {}

    def predictor(self, model: Model, version: int) -> Predictor | None:
        """A version of a model; None, also if it is asked for again, if it cannot be used."""
        asked = model.name, version
        if asked not in self._predictors:
            self._predictors[asked] = self._layer.predictor(model, version)
        return self._predictors[asked]


class OpenedLayers:
    """The generations that a segment of decisions is about.

    Parameters
    ----------
    published
        Opens a generation that can be served.
    """

    def __init__(self, published: Callable[[Publication], BaseLayer]):
        self._published = published
        self._opened: dict[tuple[int, str], OpenedLayer] = {}

    def __call__(self, publication: Publication) -> OpenedLayer:
        """A generation, opened once."""
        known = (publication.generation, publication.manifest_sha256)
        if known not in self._opened:
            self._opened[known] = OpenedLayer(self._published(publication))
        return self._opened[known]

    def open(
        self,
        decisions: Iterable[Decision],
        served: Publication | None,
        champions: ChampionsByModel,
        models: Mapping[str, Model],
        can_serve: Callable[[Publication], bool],
    ) -> None:
        """Open whoever becomes champion by some decisions, of new models and of those that are carried over.

        Parameters
        ----------
        served, champions
            The generation and, by model, the champions before them.
        models
            By name; decisions on others do nothing.
        can_serve
            Whether a generation can be served.
        """
        for decision in decisions:
            if isinstance(decision, Publication) and can_serve(decision):
                served = decision
            champions = champions_by_model([decision], champions)
            if served is not None:
                for name, model in models.items():
                    champion_of(self(served), model, champions.get(name, NONE_YET))
