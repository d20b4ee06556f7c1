"""The tail: events that are not in the lake yet, as Parquet files that grow by what is new.

New records become a small file; small files become larger ones, so that there are never many. A file is never changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, groupby, repeat
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from anabranch import Stream
from eventlog.lake.columns import INSTANT, record_batch, schema_of
from eventlog.log.segment import Segment, joined

_TOGETHER = 10_000
_GROUP_ROWS, _GROUP_BYTES = 122_880, 64 * 2**20
"""A row group ends with whichever is reached first: a reader holds one in memory."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A file with the records of a stream in ``[start, end)``."""

    path: Path
    end: int
    rows: int


class Tail:
    """The files of the tails of all streams.

    Parameters
    ----------
    streams
        By name; None: a stream without a definition.
    name
        Makes a path for a new file, from the beginning of its name.
    """

    def __init__(self, streams: dict[str, Stream | None], name: Callable[[str], Path]):
        self._streams = streams
        self._name = name
        self._chunks: dict[str, list[Chunk]] = {stream: [] for stream in streams}

    def add(self, segments: Sequence[Segment]) -> None:
        """Take in the records that come next; those of other streams are passed over."""
        ordered = sorted(segments, key=lambda segment: segment.stream)
        for stream, of_stream in groupby(ordered, key=lambda segment: segment.stream):
            if stream in self._streams:
                self._write(stream, list(of_stream))

    def _write(self, stream: str, segments: Sequence[Segment]) -> None:
        definition = self._streams[stream]
        batches = list(_batches(segments, definition))
        path = self._name(f"tail-{stream}")
        pq.write_table(pa.Table.from_batches(batches), path, compression="zstd", compression_level=1)
        rows = sum(batch.num_rows for batch in batches)
        self._chunks[stream].append(Chunk(path, segments[-1].end, rows))

    def drop(self, archived: int) -> None:
        """Leave out the files whose records are all in the lake."""
        for stream, chunks in self._chunks.items():
            self._chunks[stream] = [chunk for chunk in chunks if chunk.end > archived]

    def files(self) -> dict[str, list[str]]:
        """The files of every stream, few of each."""
        for stream, chunks in self._chunks.items():
            while len(chunks) > 1 and chunks[-2].rows <= 2 * chunks[-1].rows:
                self._join(stream, chunks)
        return {stream: [str(chunk.path) for chunk in chunks] for stream, chunks in self._chunks.items() if chunks}

    def _join(self, stream: str, chunks: list[Chunk]) -> None:
        """Make one file of the last few: of all up to the first that is more than twice as large as what follows."""
        last: list[Chunk] = []
        rows = 0
        while chunks and (not last or chunks[-1].rows <= 2 * rows):
            last.insert(0, chunks.pop())
            rows += last[0].rows
        path = self._name(f"tail-{stream}")
        _concatenate([chunk.path for chunk in last], path)
        chunks.append(Chunk(path, last[-1].end, rows))


def _concatenate(paths: Sequence[Path], into: Path) -> None:
    """Make one file of several, a row group at a time: what is not archived yet may be larger than the memory."""
    schema = pq.read_schema(paths[0])
    with pq.ParquetWriter(into, schema, compression="zstd") as writer:
        for table in _grouped(batch for path in paths for batch in _batches_of(path)):
            writer.write_table(table)


def _batches_of(path: Path) -> Iterator[pa.RecordBatch]:
    with pq.ParquetFile(path) as file:
        for group in range(file.num_row_groups):  # batches across groups would be of so many rows, however wide
            yield from file.read_row_group(group).to_batches()


def _grouped(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Batches as row groups, which end when they are full."""
    group: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in batches:
        group.append(batch)
        rows, size = rows + batch.num_rows, size + batch.nbytes
        if rows >= _GROUP_ROWS or size >= _GROUP_BYTES:
            yield pa.Table.from_batches(group)
            group, rows, size = [], 0, 0
    if group:
        yield pa.Table.from_batches(group)


def _batches(segments: Sequence[Segment], definition: Stream | None) -> Iterator[pa.RecordBatch]:
    """Segments of one stream as rows: many together, since a log of single events has one segment for each."""
    schema = schema_of(definition)
    offset, appended = (schema.get_field_index(name) for name in ("_offset", "_appended"))
    for group in _groups(segments):
        (whole,) = joined(group, sum(segment.count for segment in group))
        batch = record_batch(whole, definition, schema)
        # what is joined counts as if nothing of other streams stood in between
        places = chain.from_iterable(range(segment.offset, segment.end) for segment in group)
        times = chain.from_iterable(repeat(segment.appended, segment.count) for segment in group)
        batch = batch.set_column(offset, schema.field(offset), pa.array(places, pa.int64()))
        yield batch.set_column(appended, schema.field(appended), pa.array(times, pa.int64()).cast(INSTANT))


def _groups(segments: Sequence[Segment]) -> Iterator[list[Segment]]:
    group: list[Segment] = []
    count = 0
    for segment in segments:
        if group and count + segment.count > _TOGETHER:
            yield group
            group, count = [], 0
        group.append(segment)
        count += segment.count
    if group:
        yield group
