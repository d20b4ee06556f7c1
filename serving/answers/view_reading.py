"""Reading a view: takes batch and speed at one cut, and has them merged."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

from anabranch import Cut, View
from batch.generation import Generation
from batch.generations import Generations
from eventlog.decisions import Publication
from serving.answers import merged_answer
from serving.answers.batch_totals import BatchTotals
from serving.answers.selection import LIMIT_DEFAULT, ViewQuery
from speed.reader import SpeedReader, SpeedTiles
from speed.tile_selection import Row, TileSelection


@dataclass(frozen=True, slots=True)
class Reading:
    """What a view answered.

    Attributes
    ----------
    rows
        In order; for ``group=total`` one a key.
    next
        Where the next page begins; None: this was the last.
    publication
        The generation that answered for the batch part; None: there was none.
    cut
        How far the fold was.
    """

    rows: list[Row]
    next: str | None
    publication: Publication | None
    cut: Cut


class ViewReader:
    """Answers queries of views from the speed layer and the generations."""

    def __init__(self, speed: SpeedReader, generations: Generations):
        self._speed = speed
        self._generations = generations
        self._totals = BatchTotals()

    def read(self, view: View, query: ViewQuery) -> Reading:
        """The answer, exact at one cut: what the generation covers and what the epochs hold always abut."""
        found: SpeedTiles | None = None
        while found is None:  # a generation was published this instant: its cut belongs to other epochs
            publication = self._speed.publication
            generation = None
            if publication is not None:
                generation = self._generations.get(publication)
            choose = partial(merged_answer.select, view, query)
            wanted = query.layer != "batch"
            found = self._speed.tiles(view, query.keys, query.place, choose, publication, take=wanted)
        selection = found.selection
        if selection is None:
            return Reading([], None, publication, found.cut)
        speed = [] if found.taken is None else found.taken.rows(view)
        batch: Iterable[Row] = ()
        if generation is not None and query.layer != "speed":
            batch = self._batch(generation, view, query, selection)
        return Reading(*merged_answer.page(view, selection, batch, speed), publication, found.cut)

    def _batch(self, generation: Generation, view: View, query: ViewQuery, selection: TileSelection) -> Iterable[Row]:
        if selection.total and view.tile_us is not None:
            return self._totals.rows(generation, view, query, selection)
        return generation.tiles(
            view,
            query.keys,
            start=selection.first,
            end=selection.stop,
            after=selection.place,
            limit=selection.limit,
        )


def is_quick(view: View, query: ViewQuery) -> bool:
    """Whether an answer takes a few lookups, so that a thread of its own would cost more than it saves."""
    if len(query.keys) < len(view.key_fields):
        return False
    if view.tile_us is None:
        return True
    if query.group == "tile":
        return query.limit <= LIMIT_DEFAULT
    span = query.last_us
    if span is None and query.start is not None and query.end is not None:
        span = query.end - query.start
    return span is not None and span <= LIMIT_DEFAULT * view.tile_us
