"""The fold of views in Python: for views with functions of the user. Events are decoded once for all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

from anabranch.events import Events, Order
from anabranch.stream import Stream
from anabranch.view import Tiles, View
from batch.duckdb_session import parquet_files
from batch.plan import Slice
from batch.views import tile_table
from batch.views.sql_fold import within

if TYPE_CHECKING:
    import duckdb

DECODED_EVENTS = 5_000
"""Events that are in memory as Python objects at a time."""
TILES_IN_MEMORY = 50_000
COUNTED_EVENTS = 25_000
"""After so many events the tiles are counted, and written if there are more than fit."""


class LakeEvents(Events):
    """Events of one stream as the lake has them: their offsets are known, and have gaps."""

    def __init__(
        self, stream: Stream, partitions: Sequence[int], offsets: Sequence[int], times: Sequence[int], data: bytes
    ):
        super().__init__(stream, partitions[0], offsets[0], times, data)
        self._partitions = partitions
        self.offsets = offsets

    @cached_property
    def orders(self) -> list[Order]:
        """The place of each event in the total order."""
        return list(zip(self.times, self._partitions, self.offsets, strict=True))


def fold(
    connection: duckdb.DuckDBPyConnection,
    views: Sequence[View],
    files: Sequence[str],
    part: Slice,
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
    newest: int | None = None
    failures = [0] * len(views)
    with ExitStack() as files_open:
        tables = [files_open.enter_context(_Table(view, path)) for view, path in zip(views, into, strict=True)]
        for events in _read(connection, views[0].of, files, part):
            newest = max(events.times if newest is None else (newest, *events.times))
            for index, table in enumerate(tables):
                failures[index] += table.fold(events)
    return failures, newest


class _Table:
    """A table of tiles in the making. A tile that is met again after it was written gets another row, to be merged."""

    def __init__(self, view: View, path: Path):
        import pyarrow.parquet as pq

        self._view = view
        self._columns = tile_table.columns(view)
        self._tiles: Tiles = {}
        self._events = 0
        self._writer = pq.ParquetWriter(path, tile_table.arrow(self._columns, []).schema)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self._write()
        self._writer.close()

    def fold(self, events: Events) -> int:
        """Fold events, and write the tiles once they are many."""
        failures = self._view.fold(self._tiles, events)
        self._events += len(events)
        if self._events >= COUNTED_EVENTS:
            self._events = 0
            if sum(map(len, self._tiles.values())) >= TILES_IN_MEMORY:
                self._write()
        return failures

    def _write(self) -> None:
        self._writer.write_table(tile_table.arrow(self._columns, tile_table.rows(self._view, self._tiles)))
        self._tiles = {}


def _read(
    connection: duckdb.DuckDBPyConnection, stream: Stream, files: Sequence[str], part: Slice
) -> Iterator[LakeEvents]:
    result = connection.execute(
        f"SELECT _partition, _offset, epoch_us(_time), _data FROM {parquet_files(files)} WHERE {within(part)}"
    )
    while found := result.fetchmany(DECODED_EVENTS):
        partitions, offsets, times, texts = zip(*found, strict=True)
        yield LakeEvents(stream, partitions, offsets, times, b"[" + ",".join(texts).encode() + b"]")
