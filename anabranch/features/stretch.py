"""A stretch: consecutive events of one stream, and the tiles that they touch as these stand before each of them.

Nothing that a stretch is made from changes while it is read: features functions look views up as they stand before one
event after the other, while the tiles of the layer stay as they were before the first. Afterwards the layer takes in
the whole stretch at once. Where the borders of stretches lie never changes a result.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Self

from anabranch.contributions import Cells, Contributions, Tiles, contributions_of
from anabranch.events import Events, Order
from anabranch.view import View


class TouchedTiles:
    """The tiles of one view that some contributions touch, as they stand before any of them.

    The tiles of the layer stay as they are: one that is touched is copied first. What `before` answers depends on the
    contributions, the layer and the number alone. It remembers the last answer, so that somebody who asks for one
    number after the other has each contribution added once.

    Attributes
    ----------
    contributions
        The contributions.
    added, tiles
        How many of them are in the last answer of `before`, and that answer.
    """

    __slots__ = ("_adds", "_copies", "_keys", "_layer", "_orders", "_starts", "added", "contributions", "tiles")

    def __init__(self, contributions: Contributions, layer: Tiles):
        self.contributions = contributions
        self.added = 0
        self._layer = layer
        self.tiles: Tiles = {}
        # looked up here once: features ask for one number after the other, for every view and every event
        self._keys, self._starts = contributions.keys, contributions.starts
        self._adds, self._orders, self._copies = contributions.adds, contributions.orders, contributions.view.copies

    def before(self, number: int) -> Tiles:
        """The tiles that are touched by the contributions before number `number`, with all of these.

        They may change when it is asked again.
        """
        if number < self.added:
            self.tiles, self.added = {}, 0
        for at in range(self.added, number):
            self.add(at)
        return self.tiles

    def add(self, at: int) -> None:
        """Have `tiles` hold contribution number `at` as well, which must be the next."""
        key, start = self._keys[at], self._starts[at]
        by_start = self.tiles.get(key)
        if by_start is None:
            by_start = self.tiles[key] = {}
        cells = by_start.get(start)
        if cells is None:
            of_layer = self._layer.get(key, _NO_TILES).get(start)
            if of_layer is None:
                cells = self.contributions.view.zero()
            else:
                cells = of_layer.copy()
                for slot, copied in self._copies:
                    cells[slot] = copied(cells[slot])
            by_start[start] = cells
        order = self._orders[at] if self._orders else _NO_ORDER
        for slot, add, values in self._adds:
            value = values[at]
            if value is not None:
                cells[slot] = add(cells[slot], value, order)
        self.added = at + 1

    def fold(self) -> None:
        """Fold all contributions into the layer. Nobody looks at an answer of `before` afterwards."""
        if not self.added:
            self.contributions.fold_into(self._layer)  # nobody has looked: column by column is quicker
            return
        for key, by_start in self.before(len(self.contributions)).items():
            of_key = self._layer.setdefault(key, by_start)
            if of_key is not by_start:
                of_key.update(by_start)


_NO_TILES: dict[int, Cells] = {}
_NO_ORDER: Order = (0, 0, 0)


class Stretch:
    """Consecutive events of one stream, and what they add to its views.

    Attributes
    ----------
    events
        The events.
    touched
        The tiles that they touch, by name of view.
    """

    def __init__(self, events: Events, touched: Mapping[str, TouchedTiles], clock: int | None):
        self.events = events
        self.touched = touched
        self._clock = clock

    @classmethod
    def of(cls, views: Sequence[View], events: Events, layer: dict[str, Tiles], clock: int | None) -> Self:
        """The stretch of some events.

        Parameters
        ----------
        views
            Those of the events' stream.
        layer
            The tiles by view that the events will be folded into.
        clock
            The newest event time of the stream before the first of them, in microseconds; None: they are its first.
        """
        touched = {
            view.name: TouchedTiles(contributions_of(view, events), layer.setdefault(view.name, {})) for view in views
        }
        return cls(events, touched, clock)

    @property
    def failures(self) -> dict[str, int]:
        """By view, how often a function of the user raised; views on which none did are left out."""
        found = {name: touched.contributions.failures for name, touched in self.touched.items()}
        return {name: failures for name, failures in found.items() if failures}

    @property
    def clock(self) -> int:
        """The newest event time of the stream behind the last event, in microseconds."""
        newest = max(self.events.times)
        return newest if self._clock is None else max(newest, self._clock)

    def clocks(self) -> Sequence[int | None]:
        """The newest event time of the stream just before each event: what counts for `keep`; None: none before."""
        times = self.events.times[:-1]
        if self._clock is not None:
            return list(accumulate(times, max, initial=self._clock))
        return [None, *accumulate(times, max)]

    def fold(self) -> None:
        """Fold all events into the layer."""
        for touched in self.touched.values():
            touched.fold()
