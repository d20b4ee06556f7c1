"""The fold of views in Python: for views with functions of the user. Events are decoded once for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from anabranch.events import Events, Order
from anabranch.stream import Stream
from anabranch.view import Tiles, View
from batch import duck, tile_table
from batch.plan import Slice
from batch.sql_fold import within

if TYPE_CHECKING:
    import duckdb

DECODED_EVENTS = 5_000
"""Events that are in memory as Python objects at a time."""


class LakeEvents(Events):
    """Events of one stream as the lake has them: their offsets are known, and have gaps."""

    def __init__(self, stream: Stream, partitions: Sequence[int], offsets: Sequence[int], times: Sequence[int],
                 data: bytes):
        super().__init__(stream, partitions[0], offsets[0], times, data)
        self._partitions = partitions
        self._offsets = offsets

    @cached_property
    def orders(self) -> list[Order]:
        """The place of each event in the total order."""
        return list(zip(self.times, self._partitions, self._offsets, strict=True))


def fold(
    connection: duckdb.DuckDBPyConnection, views: Sequence[View], files: Sequence[str], part: Slice,
    into: Sequence[Path],
) -> tuple[list[int], int | None]:
    """Fold a slice of the lake into a table of tiles a view, each a Parquet file.

    Returns
    -------
    failures : list of int
        For each view, how often a function of the user raised.
    newest : int or None
        The newest event time; None: there was no event.
    """
    import pyarrow.parquet as pq

    stream = views[0].of
    tiles: list[Tiles] = [{} for _ in views]
    failures = [0] * len(views)
    newest: int | None = None
    result = connection.execute(
        f"SELECT _partition, _offset, epoch_us(_time), _data FROM {duck.parquet(files)}"
        f" WHERE {within(part)}"
    )
    while found := result.fetchmany(DECODED_EVENTS):
        partitions, offsets, times, texts = zip(*found, strict=True)
        events = LakeEvents(stream, partitions, offsets, times, b"[" + ",".join(texts).encode() + b"]")
        newest = max(times if newest is None else (newest, *times))
        for index, view in enumerate(views):
            failures[index] += view.fold(tiles[index], events)
    for view, folded, path in zip(views, tiles, into, strict=True):
        pq.write_table(tile_table.arrow(tile_table.columns(view), tile_table.rows(view, folded)), path)
    return failures, newest
