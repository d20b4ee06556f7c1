"""Which tiles of the epochs an answer is made of, and taking them while the fold stands still.

Only what was asked for is copied; the tiles of several epochs are merged afterwards, when the fold goes on.
"""

from __future__ import annotations

import marshal
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

from anabranch import View
from anabranch.view import Cells, Key, Tiles

Place = tuple[Key, int]
"""(key, start of the tile): the last row of a page. The next page begins just behind it."""
Row = tuple[Key, int, Cells]
"""(key, start of the tile, cells). Rows come by key (`anabranch.view.key_order`), then by tile."""


@dataclass(frozen=True, slots=True)
class TileSelection:
    """Which tiles of a view an answer is made of.

    Attributes
    ----------
    first, stop
        Starts of tiles, half-open; None: no bound.
    place
        Only rows behind this one.
    limit
        How many rows to look at: one more than wanted, to know whether there are more.
    total
        The tiles of a key make one row.
    """

    first: int | None
    stop: int | None
    place: Place | None
    limit: int
    total: bool


@dataclass(frozen=True, slots=True)
class TakenTiles:
    """Tiles as they were while the fold stood still.

    Attributes
    ----------
    places
        (key, start of the tile) of each, in order.
    states
        For each, its cells in every epoch that has it. Serialised: states are plain data, and this copies many of
        them in a fraction of the time that merging takes.
    """

    places: list[Place]
    states: bytes

    def rows(self, view: View) -> list[Row]:
        """The tiles, merged over the epochs."""
        parts_by_place: list[list[Cells]] = marshal.loads(self.states)
        return [
            (key, start, parts[0] if len(parts) == 1 else reduce(view.merge, parts))
            for (key, start), parts in zip(self.places, parts_by_place, strict=True)
        ]


def take(view: View, epochs: Sequence[Tiles], selection: TileSelection, keys: Iterable[Key]) -> TakenTiles:
    """Take the wanted tiles of `keys`, which are in order, as far as the limit lets them count."""
    places: list[Place] = []
    states: list[list[Cells]] = []
    missing = selection.limit
    for key in keys:
        parts = [tiles[key] for tiles in epochs if key in tiles]
        if not parts:
            continue
        starts = _starts(view, parts, selection)
        if selection.place is not None and selection.place[0] == key:
            starts = [start for start in starts if start > selection.place[1]]
        if not selection.total:
            starts = starts[:missing]
        places += [(key, start) for start in starts]
        if len(parts) == 1:
            states += [[parts[0][start]] for start in starts]
        else:
            states += [[part[start] for part in parts if start in part] for start in starts]
        missing -= min(len(starts), 1) if selection.total else len(starts)
        if not missing:
            break
    return TakenTiles(places, marshal.dumps(states))


def _starts(view: View, parts: Sequence[Mapping[int, Cells]], selection: TileSelection) -> list[int]:
    """The starts of the wanted tiles, in order."""
    first, stop, width = selection.first, selection.stop, view.tile_us
    if first is not None and stop is not None and width is not None and (stop - first) // width < len(parts[0]):
        return [start for start in range(first, stop, width) if any(start in part for part in parts)]
    starts: Iterable[int] = parts[0] if len(parts) == 1 else set().union(*parts)
    if first is not None:
        starts = [start for start in starts if start >= first]
    if stop is not None:
        starts = [start for start in starts if start < stop]
    return sorted(starts)
