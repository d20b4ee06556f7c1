"""The answer of a view: batch merged with speed, as pure functions of both.

A row is (key, start of the tile, cells). Rows come in one order everywhere: by key (`anabranch.view.key_order`),
then by tile. The batch part arrives as rows in that order; the speed part as the tiles of a few epochs, of which
only what was asked for is copied.
"""

from __future__ import annotations

import marshal
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import groupby, islice
from operator import itemgetter
from typing import Any

from anabranch import View
from anabranch.instant import iso
from anabranch.view import Cells, Key, Tiles, key_order
from serving.answers.selection import LAST_TILE, Place, ViewQuery, place_text

Row = tuple[Key, int, Cells]
_key = itemgetter(0)


@dataclass(frozen=True, slots=True)
class Selection:
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


def select(view: View, query: ViewQuery, watermark: int | None) -> Selection | None:
    """What to look at; None if nothing can be there.

    Parameters
    ----------
    watermark
        The newest event time of the view's stream in what the merged answer covers: the clock of ``last`` and of
        ``keep``. None if there was no event.
    """
    start, stop = query.start, query.end
    if query.last_us is not None:
        if stop is None:
            if watermark is None:
                return None
            stop = watermark + 1
        start = stop - query.last_us
    if start is not None and stop is not None and start >= stop:
        return None
    return Selection(
        _first_tile(view, start, watermark),
        stop,
        query.place,
        query.limit + 1,
        query.group == "total",
    )


def _first_tile(view: View, start: int | None, watermark: int | None) -> int | None:
    """The first tile that overlaps what begins at `start` and is not hidden by ``keep``."""
    width = view.tile_us
    if width is None:
        return None
    first = None if start is None else start - start % width
    oldest = view.oldest_kept(watermark)
    if oldest is not None:
        first = oldest if first is None else max(first, oldest)
    return None if first is None else max(first, -LAST_TILE)


# speed


@dataclass(frozen=True, slots=True)
class Taken:
    """Tiles of the speed part as they were while the fold stood still. They are merged when it goes on.

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


def take(view: View, epochs: Sequence[Tiles], selection: Selection, keys: Iterable[Key]) -> Taken:
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
    return Taken(places, marshal.dumps(states))


def speed_keys(epochs: Iterable[Tiles]) -> set[Key]:
    """All keys of the epochs."""
    return set().union(*epochs)


def wanted_keys(view: View, keys: Iterable[Key], query: ViewQuery) -> list[Key]:
    """Those of `keys` that the query wants, in order."""
    for name, value in query.keys.items():
        slot = view.key_fields.index(name)
        keys = [key for key in keys if key[slot] == value]
    if query.place is not None:
        last = key_order(query.place[0])
        keys = [key for key in keys if key_order(key) >= last]
    return in_order(keys)


def in_order(keys: Iterable[Key]) -> list[Key]:
    """Keys sorted by `key_order`."""
    keys = list(keys)
    try:
        return sorted(keys)  # the same order, and quicker, where no missing value meets another
    except TypeError:
        return sorted(keys, key=key_order)


def _starts(view: View, parts: Sequence[Mapping[int, Cells]], selection: Selection) -> list[int]:
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


# batch ⊕ speed


def merge_rows(view: View, batch: Iterable[Row], speed: Sequence[Row]) -> Iterator[Row]:
    """The rows of both in order; those of the same tile are merged. It may change the cells of `batch`."""
    if not speed:
        yield from batch
        return
    later = iter(speed)
    theirs: Row | None = next(later)
    for mine in batch:
        while theirs is not None and _is_before(theirs, mine):
            yield theirs
            theirs = next(later, None)
        if theirs is not None and theirs[1] == mine[1] and theirs[0] == mine[0]:
            yield mine[0], mine[1], view.merge(mine[2], theirs[2])
            theirs = next(later, None)
        else:
            yield mine
    if theirs is not None:
        yield theirs
        yield from later


def _is_before(row: Row, other: Row) -> bool:
    if row[0] == other[0]:
        return row[1] < other[1]
    return key_order(row[0]) < key_order(other[0])


def total_rows(view: View, rows: Iterable[Row]) -> Iterator[Row]:
    """One row a key, its place behind all its tiles."""
    for key, of_key in groupby(rows, _key):
        cells = view.zero()
        for _, _, theirs in of_key:
            cells = view.merge(cells, theirs)
        yield key, LAST_TILE, cells


def page(view: View, selection: Selection, batch: Iterable[Row], speed: Sequence[Row]) -> tuple[list[Row], str | None]:
    """The rows of the answer, and where the next page begins if there are more."""
    merged = merge_rows(view, batch, speed)
    if selection.total:
        merged = total_rows(view, merged)
    rows = list(islice(merged, selection.limit))
    if len(rows) < selection.limit:
        return rows, None
    rows.pop()
    return rows, place_text((rows[-1][0], rows[-1][1]))


# as JSON


def present(view: View, rows: Iterable[Row], total: bool) -> list[dict[str, Any]]:
    """Each row as its key fields, its tile and its aggregates."""
    fields = view.key_fields
    timeless = total or view.tile_us is None
    presented = []
    for key, start, cells in rows:
        row: dict[str, Any] = dict(zip(fields, key, strict=True))
        row["tile"] = None if timeless else tile_text(start)
        row.update(view.present(cells))
        presented.append(row)
    return presented


def tile_text(start: int) -> str:
    """The start of a tile in ISO 8601; the first instant there is, where the tile begins before the year 1."""
    try:
        return iso(start)
    except OverflowError:
        return "0001-01-01T00:00:00Z"
