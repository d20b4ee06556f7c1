"""Reading a view: takes batch and speed at one cut, and has them merged."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from anabranch import Cut, View
from anabranch.view import Key, Tiles
from batch.generation import Generation
from batch.generations import Generations
from eventlog.decisions import Publication
from serving.answers import merged_answer
from serving.answers.merged_answer import Row, Selection, Taken
from serving.answers.selection import LIMIT_DEFAULT, ViewQuery
from speed.consumer import Consumer
from speed.state import SpeedState


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
    """Answers queries of views from a consumer and its generations."""

    def __init__(self, consumer: Consumer, generations: Generations):
        self._consumer = consumer
        self._generations = generations

    def read(self, view: View, query: ViewQuery) -> Reading:
        """The answer, exact at one cut: what the generation covers and what the epochs hold always abut.

        The fold stands still only while what was asked for is copied.
        """
        keys = _Keys(view, query)
        if not keys.complete and query.layer != "batch":
            with self._consumer.reading() as state:
                keys.note(_epochs(state, view))
            keys.arrange()
        while True:
            publication = self._consumer.publication
            generation = None
            if publication is not None:
                generation = self._generations.get(publication.generation, publication.manifest_sha256)
            seen = None if generation is None else generation.watermark(view)
            with self._consumer.reading() as state:
                if state.publication != publication:
                    continue  # a generation was published this instant: its cut belongs to other epochs
                cut = state.cut
                selection = merged_answer.select(view, query, _newest(seen, state.watermarks.get(view.of.name)))
                taken = None
                if selection is not None and query.layer != "batch":
                    taken = keys.take(_epochs(state, view), selection)
            break
        if selection is None:
            return Reading([], None, publication, cut)
        speed = [] if taken is None else taken.rows(view)
        batch = () if generation is None or query.layer == "speed" else _batch(generation, view, query, selection)
        return Reading(*merged_answer.page(view, selection, batch, speed), publication, cut)


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


class _Keys:
    """The keys of the speed part that a query wants.

    If it names a whole key, that is all. Otherwise the keys are gathered first and sorted while the fold goes on;
    when their tiles are copied, only the keys that are new since then have to be sorted in.
    """

    def __init__(self, view: View, query: ViewQuery):
        self.view = view
        self.query = query
        self.complete = len(query.keys) == len(view.key_fields)
        self._known: set[Key] = set()
        self._wanted: list[Key] = []
        if self.complete:
            key = tuple(query.keys.values())
            self._wanted = [key] if query.place is None else merged_answer.wanted_keys(view, [key], query)

    def note(self, epochs: list[Tiles]) -> None:
        self._known = merged_answer.speed_keys(epochs)

    def arrange(self) -> None:
        self._wanted = merged_answer.wanted_keys(self.view, self._known, self.query)

    def take(self, epochs: list[Tiles], selection: Selection) -> Taken:
        wanted = self._wanted
        if not self.complete:
            new = merged_answer.speed_keys(epochs) - self._known
            if new:
                wanted = merged_answer.in_order(wanted + merged_answer.wanted_keys(self.view, new, self.query))
        return merged_answer.take(self.view, epochs, selection, wanted)


def _epochs(state: SpeedState, view: View) -> list[Tiles]:
    return [epoch.tiles[view.name] for epoch in state.epochs if view.name in epoch.tiles]


def _newest(*watermarks: int | None) -> int | None:
    return max((watermark for watermark in watermarks if watermark is not None), default=None)


def _batch(generation: Generation, view: View, query: ViewQuery, selection: Selection) -> Iterable[Row]:
    return generation.tiles(
        view,
        query.keys,
        start=selection.first,
        end=selection.stop,
        after=selection.place,
        limit=None if selection.total else selection.limit,
    )
