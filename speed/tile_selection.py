"""Which tiles of the epochs an answer is made of, and taking them while the fold stands still.

Only what was asked for is copied; the tiles of several epochs are merged afterwards, when the fold goes on.
"""

from __future__ import annotations

import marshal
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from anabranch import View
from anabranch.view import Cells, Key
from speed.tile_groups import WORTH_GROUPS, KeyGroups, Piece, ViewGroups, merged

if TYPE_CHECKING:
    from speed.state import Epoch

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
    open_start
        The start of the tile of the newest event: those before it have ended, and hardly change.
    """

    first: int | None
    stop: int | None
    place: Place | None
    limit: int
    total: bool
    open_start: int = -(2**63)


@dataclass(frozen=True, slots=True)
class TakenTiles:
    """Tiles as they were while the fold stood still.

    Attributes
    ----------
    places
        (key, start of the tile) of each row, in order; of a total, the start of its first tile.
    pieces
        For each, its cells in every epoch that has it, or groups of such: see `speed.tile_groups`. Serialised: states
        are plain data, and this copies many of them in a fraction of the time that merging takes.
    """

    places: list[Place]
    pieces: bytes

    def rows(self, view: View) -> list[Row]:
        """The tiles, merged over the epochs; totals, over the tiles as well."""
        pieces: list[Piece] = marshal.loads(self.pieces)
        return [(key, start, merged(view, piece)) for (key, start), piece in zip(self.places, pieces, strict=True)]


def take(view: View, epochs: Sequence[Epoch], selection: TileSelection, keys: Iterable[Key]) -> TakenTiles:
    """Take the wanted tiles of `keys`, which are in order, as far as the limit lets them count."""
    places: list[Place] = []
    pieces: list[Piece] = []
    missing = selection.limit
    if selection.total:
        for key in keys:
            found = total_of(view, epochs, selection, key)
            if found is not None:
                places.append((key, found[0]))
                pieces.append(found[1])
                missing -= 1
                if not missing:
                    break
        return TakenTiles(places, marshal.dumps(pieces))
    layers = [epoch.tiles[view.name] for epoch in epochs if view.name in epoch.tiles]
    for key in keys:
        parts = [tiles[key] for tiles in layers if key in tiles]
        if not parts:
            continue
        starts = starts_of(view, parts, selection)
        if selection.place is not None and selection.place[0] == key:
            starts = [start for start in starts if start > selection.place[1]]
        starts = starts[:missing]
        places += [(key, start) for start in starts]
        if len(parts) == 1:
            pieces += [parts[0][start] for start in starts]
        else:
            for start in starts:
                of_tile = [part[start] for part in parts if start in part]
                pieces.append(of_tile[0] if len(of_tile) == 1 else tuple(of_tile))
        missing -= len(starts)
        if not missing:
            break
    return TakenTiles(places, marshal.dumps(pieces))


def total_of(view: View, epochs: Sequence[Epoch], selection: TileSelection, key: Key) -> tuple[int, Piece] | None:
    """The start of the first wanted tile of a key, and what all of them are merged of; None: there is none."""
    if selection.place is not None and selection.place[0] == key:
        return None  # a total stands behind all tiles of its key
    first: int | None = None
    pieces: list[Piece] = []
    for epoch in epochs:
        tiles = epoch.tiles.get(view.name, {}).get(key)
        if tiles is None:
            continue
        groups = groups_of(view, epoch, key, tiles)
        if groups is None:
            starts = starts_of(view, [tiles], selection)
            pieces += [tiles[start] for start in starts]
        else:
            runs = list(groups.runs(selection.first, selection.stop, selection.open_start))
            pieces += [groups.piece(run) for run in runs]
            starts = [groups.order[run.begin] for run in runs[:1]]
        if starts:
            first = starts[0] if first is None else min(first, starts[0])
    return None if first is None else (first, tuple(pieces))


def groups_of(view: View, epoch: Epoch, key: Key, tiles: dict[int, Cells]) -> KeyGroups | None:
    """The groups of a key in an epoch; None where its tiles are too few."""
    if view.tile_us is None or len(tiles) < WORTH_GROUPS:
        return None
    of_view = epoch.groups.get(view.name)
    if of_view is None:
        of_view = epoch.groups[view.name] = ViewGroups(view.tile_us)
    return of_view.of(key, tiles)


def starts_of(view: View, parts: Sequence[Mapping[int, Cells]], selection: TileSelection) -> list[int]:
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
