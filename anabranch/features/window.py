"""One key of a view as a features function sees it: the tiles of a window, merged.

A window is made of an *open tile*, the one of the event at hand, to which events still come, and of the *closed tiles*
before it, which only late events touch. The merge of everything but the open tile of the newest layer is remembered,
because a window moves only once a tile: so a look costs a few merges, not one a tile.

The tiles are merged in one order in every layer: by the start of the tile, then by layer, oldest layer first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from anabranch.agg.aggregate import Aggregate, State
from anabranch.contributions import Cells
from anabranch.errors import ViewLookupError
from anabranch.view import View

BEFORE_ALL, AFTER_ALL = -(2**63), 2**63
"""Before and behind the start of every tile and every event time."""


class Bounds(NamedTuple):
    """Which tiles an event sees, and which other events see the same. All in microseconds.

    Attributes
    ----------
    first
        The start of the first tile; None: there is no bound.
    open_start
        The start of the open tile, which is the last.
    begins, ends
        Events with a time in ``[begins, ends)`` see the same tiles,
    clock_ends
        as long as the clock of the view's stream is below this: then `keep` hides the first tile.
    """

    first: int | None = None
    open_start: int = 0
    begins: int = BEFORE_ALL
    ends: int = AFTER_ALL
    clock_ends: int = AFTER_ALL

    @classmethod
    def of(cls, view: View, last_us: int | None, now: int, clock: int | None) -> Bounds:
        """The bounds of the window ``(now - last_us, now]``, widened to whole tiles, as far as `keep` shows them.

        Parameters
        ----------
        last_us
            The length of the window in microseconds; None: as far as the view is kept.
        now
            The time of the event at hand.
        clock
            The newest event time of the view's stream before that event; None: there was none.
        """
        width = view.tile_us
        if width is None:
            return cls()  # a single tile, which starts at 0
        open_start = now - now % width
        begins, ends = open_start, open_start + width  # the open tile is the same for all of these
        first = None
        if last_us is not None:
            oldest_us = now + 1 - last_us  # the first microsecond of the window; its tile belongs to it as a whole
            first = oldest_us - oldest_us % width
            # and so is the first tile, as long as that microsecond lies in it: it moves with the event
            begins, ends = max(begins, first + last_us - 1), min(ends, first + width + last_us - 1)
        clock_ends = AFTER_ALL
        oldest = view.oldest_kept(clock)
        if oldest is not None:
            assert view.keep_us is not None
            first = oldest if first is None else max(first, oldest)
            clock_ends = first + width + view.keep_us  # then the first tile has ended `keep` before: see `oldest_kept`
        elif clock is None and view.keep_us is not None:
            clock_ends = BEFORE_ALL  # nothing is hidden before the first event: with any clock it may be
        if first is not None and open_start < first:
            open_start = BEFORE_ALL  # the event is so late that `keep` hides its own tile: there is none to show
        return cls(first, open_start, begins, ends, clock_ends)


class Window:
    """One key of a view in a window: its aggregates are attributes. Look at them before the function returns.

    The class of a view's windows is made by `window_class`. Their own names begin with ``_``, because an aggregate may
    have any other name.
    """

    __slots__ = ("_bounds", "_closed", "_layers", "_merged", "_newest", "_open", "_touched", "_width")
    _aggregates: tuple[str, ...] = ()

    def __init__(self, bounds: Bounds, width: int | None, layers: list[Mapping[int, Cells]]):
        """A window that has nothing of the newest layer yet.

        Parameters
        ----------
        width
            The width of a tile in microseconds; None: the view has a single one.
        layers
            The tiles of the key by start, in every layer but the newest that has some, oldest layer first.
        """
        self._bounds = bounds
        self._width = width
        self._layers = layers
        self._newest: Mapping[int, Cells] | None = None  # the tiles of the key in the newest layer
        self._open: Cells | None = None  # the open tile in the newest layer, as it stands before the event at hand
        # those of them that the stretch at hand has touched, as they stand before the event at hand; None: none yet
        self._touched: Mapping[int, Cells] | None = None
        # All other tiles in the order in which they are merged, None where that has not been looked up; and what came
        # of them by slot, None where there are none.
        self._closed: list[Cells] | None = None
        self._merged: dict[int, State | None] = {}

    def __getattr__(self, name: str) -> Any:
        raise ViewLookupError(f"the view has no aggregate {name!r}; it has: {', '.join(self._aggregates)}")

    def _merge_closed(self, slot: int, aggregate: Aggregate) -> State | None:
        """Merge everything but the open tile of the newest layer."""
        closed = self._closed
        if closed is None:
            closed = self._closed = self._find_closed()
        state = None
        if closed:
            merge, state = aggregate.merge, aggregate.zero()
            for cells in closed:
                state = merge(state, cells[slot])
        self._merged[slot] = state
        return state

    def _find_closed(self) -> list[Cells]:
        """The closed tiles, ascending, each by layer; then the open one in all layers but the newest."""
        open_start, layers, found = self._bounds.open_start, self._layers, []
        if self._width is not None:
            # what the newest layer has of a tile that the stretch has touched is the tile before the stretch
            newest = [part for part in (self._touched, self._newest) if part is not None]
            starts = self._closed_starts([*layers, *newest], self._width)
            if len(newest) < 2:
                parts = [*layers, *newest]
                found = [part[start] for start in starts for part in parts if start in part]
            else:
                touched, rest = newest
                for start in starts:
                    for part in layers:
                        if start in part:
                            found.append(part[start])
                    if start in touched:
                        found.append(touched[start])
                    elif start in rest:
                        found.append(rest[start])
        return found + [part[open_start] for part in layers if open_start in part]

    def _closed_starts(self, parts: Sequence[Mapping[int, Cells]], width: int) -> Sequence[int]:
        """The starts of the closed tiles, ascending; some of them may be in no part."""
        first, open_start = self._bounds.first, self._bounds.open_start
        # a short window over a key with many tiles is walked by the window, a long one by the tiles that there are
        if first is not None and (open_start - first) // width <= sum(map(len, parts)):
            return range(first, open_start, width)
        starts = set().union(*parts)
        return sorted(start for start in starts if start < open_start and (first is None or start >= first))


def window_class(view: View) -> type[Window]:
    """The class of a view's windows: it has a property for every aggregate."""
    properties: dict[str, Any] = {
        name: property(_reader(slot, aggregate)) for slot, (name, aggregate) in enumerate(view.aggregates.items())
    }
    taken = {"__slots__": (), "_aggregates": tuple(view.aggregates)}
    return type(f"Window_{view.name}", (Window,), {**taken, **properties})


def _reader(slot: int, aggregate: Aggregate) -> Callable[[Window], Any]:
    present, present_merged, zero = aggregate.present, aggregate.present_merged, aggregate.zero

    def read(window: Window) -> Any:
        cells = window._open
        try:
            merged = window._merged[slot]
        except KeyError:
            merged = window._merge_closed(slot, aggregate)
        if cells is None:
            return present(zero() if merged is None else merged)
        return present(cells[slot]) if merged is None else present_merged(merged, cells[slot])

    return read
