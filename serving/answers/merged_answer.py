"""The answer of a view: batch merged with speed, as pure functions of both.

Rows (see `speed.tile_selection.Row`) come in one order everywhere, in both parts: by key, then by tile.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, islice
from operator import itemgetter
from typing import Any

from anabranch import View
from anabranch.instant import iso
from anabranch.view import key_order
from serving.answers.selection import LAST_TILE, ViewQuery, place_text
from speed.tile_selection import Row, TileSelection

_key = itemgetter(0)


def select(view: View, query: ViewQuery, watermark: int | None) -> TileSelection | None:
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
    return TileSelection(
        _first_tile(view, start, watermark),
        stop,
        query.place,
        query.limit + 1,
        query.group == "total",
        _open_start(view, watermark),
    )


def _open_start(view: View, watermark: int | None) -> int:
    """The start of the tile of the newest event."""
    if view.tile_us is None or watermark is None:
        return -LAST_TILE
    return watermark - watermark % view.tile_us


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


def page(
    view: View, selection: TileSelection, batch: Iterable[Row], speed: Sequence[Row]
) -> tuple[list[Row], str | None]:
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
