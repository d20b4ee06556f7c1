"""What the speed layer knows. `speed.fold` brings it forward.

Invariants
----------
- ``epochs`` is never empty; their starts ascend; together they cover ``[publication.cut, cut)`` without gap or
  overlap (``[0, cut)`` before the first publication).
- There are at most two epochs between two markers: the one that a running batch covers, and the one it opened.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from anabranch import App, Cut, Model
from anabranch.contributions import Contributions
from anabranch.features.lookups import Lookups
from anabranch.view import Tiles
from eventlog.decisions import Champions, Publication
from eventlog.decisions.champions import NONE_YET, ChampionsByModel
from speed.base_layer import BaseLayer, Predictor
from speed.tile_groups import ViewGroups
from speed.touches import Touches

if TYPE_CHECKING:
    from speed.learning.learner import Learner  # River is large: only an application with models pays for it

CanServe = Callable[[Publication], bool]
"""Whether a published generation can be served: it is intact, and made by the definitions in force.

Asked at recovery for the generations that come into question, and when the fold meets a ``batch_published``: before
the state is locked, when it may take seconds to hash files, and then as it was answered. It raises where it cannot be
told now (a store that is away, a file that cannot be read for the moment): then nothing is decided, and the fold waits
where it is, so that all who fold one log come to the same state.
Nothing is kept over a restart: it is asked anew, and a generation that was damaged meanwhile is passed over.
"""


@dataclass(slots=True)
class Epoch:
    """View states between two batch markers.

    Attributes
    ----------
    start
        The first offset that it covers.
    run
        The batch run whose marker opened it; None for the first.
    tiles
        The tiles of every view by its name.
    removed_keys
        By view, how many keys went because all their tiles had expired. A key that is put into ``tiles`` later stands
        behind all others, so the sum of both tells whoever follows the keys which are new; see `speed.key_index`.
    groups
        By view, merged tiles that are kept for totals; no part of the state. See `speed.tile_groups`.
    """

    start: Cut
    run: str | None = None
    tiles: dict[str, Tiles] = field(default_factory=dict)
    removed_keys: Counter[str] = field(default_factory=Counter, repr=False, compare=False)
    groups: dict[str, ViewGroups] = field(default_factory=dict, repr=False, compare=False)

    def join(self, later: Epoch, app: App) -> None:
        """Take over the epoch that begins where this one ends."""
        for name, theirs in later.tiles.items():
            mine = self.tiles.setdefault(name, {})
            small, large = sorted((mine, theirs), key=len)
            app.views[name].merge_tiles(large, small)
            self.tiles[name] = large
            self.groups.pop(name, None)


@dataclass(slots=True)
class SpeedState:
    """All that the fold of the log up to `cut` amounts to, less what the batch layer covers.

    Attributes
    ----------
    cut
        How much of the log was folded.
    publication
        The generation that answers for what lies before the first epoch; None: there is nothing before it.
    epochs
        See `Epoch`. An answer merges all of them.
    watermarks
        The newest event time, in microseconds, by stream, of everything before `cut`: also of what the batch layer
        covers.
    champions
        Those of each model, as the decisions before `cut` say, whatever its learner has kept.
    learners
        What the models have learnt, by name; a model that has none here is not folded.
    left_out
        The offsets of all events that were taken out of the log when this state began: it holds none of them. Whoever
        meets the decision of another one that lies before `cut` has to begin again: see `speed.recovery`.
    lookups
        The views as features functions see them; made when it is needed.
    touches
        Tells those who read it in several steps what changes meanwhile.
    """

    cut: Cut = field(default_factory=Cut)
    publication: Publication | None = None
    epochs: list[Epoch] = field(default_factory=lambda: [Epoch(Cut())])
    watermarks: dict[str, int] = field(default_factory=dict)
    champions: ChampionsByModel = field(default_factory=dict)
    learners: dict[str, Learner] = field(default_factory=dict)
    left_out: frozenset[int] = frozenset()
    lookups: Lookups | None = field(default=None, repr=False, compare=False)
    touches: Touches = field(default_factory=Touches, repr=False, compare=False)

    @classmethod
    def after(cls, publication: Publication, champions: ChampionsByModel) -> SpeedState:
        """The state in which everything before the publication's cut is left to the batch layer.

        Parameters
        ----------
        champions
            Those at its cut. The decisions that follow it will be folded once more.
        """
        return cls(publication.cut, publication, [Epoch(publication.cut)], champions=champions)

    def note_touched(self, contributions: Contributions) -> None:
        """What was folded into the newest epoch: what was merged of it before does not hold any more."""
        groups = self.epochs[-1].groups.get(contributions.view.name)
        if groups is not None:
            groups.touch(contributions.keys, contributions.starts)
        self.touches.note(contributions)

    def holds(self, offsets: Iterable[int]) -> list[int]:
        """Which of some events that were taken out of the log it has folded all the same, ascending."""
        return sorted(offset for offset in offsets if offset < self.cut.offsets[0] and offset not in self.left_out)

    def attach_generation(self, app: App, published: Callable[[Publication], BaseLayer] | None) -> None:
        """Have features functions and champions see what is published and in the epochs now."""
        layer = None if self.publication is None or published is None else published(self.publication)
        base = None if layer is None else layer.tiles_of
        layers = [epoch.tiles for epoch in self.epochs]
        if self.lookups is None:
            self.lookups = Lookups(app.views, base, layers, self.watermarks)
        else:
            self.lookups.use_layers(base, layers)
        for learner in self.learners.values():
            champions = self.champions.get(learner.model.name, NONE_YET)
            predictor = None if layer is None else champion_of(layer, learner.model, champions)
            loss = None if layer is None or predictor is None else layer.holdout_loss(learner.model, predictor.version)
            learner.use(champions.present, predictor, loss)

    def forget_lookups(self) -> None:
        """Have features functions look at the epochs anew, because tiles went. Champions stay who they are."""
        if self.lookups is not None:
            self.lookups.use_layers(self.lookups.base, [epoch.tiles for epoch in self.epochs])


def champion_of(layer: BaseLayer, model: Model, champions: Champions) -> Predictor | None:
    """The champion; where the generation cannot give it, the newest one before it that it can. None: it can none."""
    for version in reversed(champions.versions):
        predictor = layer.predictor(model, version)
        if predictor is not None:
            return predictor
    return None
