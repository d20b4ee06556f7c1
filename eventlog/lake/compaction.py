"""Merges small files of the lake that follow each other into one: who reads a table opens every file of it.

A run every ten minutes writes 50,000 files a year for each stream. Files have sizes, each ten times the one before; as
soon as ten of one size stand together they are merged, with the smaller ones between them, into one of the next. So a
table has some thirty small files at most, a record is written anew three or four times in its life, and most runs merge
nothing or a few thousand records.

The records stay byte by byte what they are. The typed columns of a stream that the application defines are derived from
them again: a file from before a field came lacks its column, and beside others it would read as null where the field
has a default. Columns that the application does not know are taken over; only files that tell the same are merged.

One commit names the new file in the place of the old ones. These stay for whoever reads them, until `remove_merged`.
Killed before the commit, it leaves a file that nobody names; the next run merges again.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from anabranch import Stream
from eventlog.errors import ArchiveError
from eventlog.lake.columns import PLACE, schema_of, typed_columns
from eventlog.lake.data_file import DataFile
from eventlog.lake.delta_table import LakeTable
from eventlog.lake.lake import Lake
from eventlog.lake.typed_columns import untold_columns

FAN_IN = 10
"""So many files of one size are merged: fewer would write each record more often, more would leave more files."""
SIZES = (1_000, 10_000, 100_000)
"""In records: a file with fewer than the first is of size 0, and so on; one with as many as the last is left alone."""
LARGE_BYTES = 32_000_000
"""A file of so many is left alone, too, however few records it has."""
MOST_RECORDS, MOST_BYTES, MOST_FILES = 1_000_000, 128_000_000, 1_000
"""What is merged in a run at most, of all streams: records (as many as are archived at a time), and what is read."""
_READ_RECORDS, _READ_BYTES = 32_768, 16_000_000
"""What is in memory at a time of a file that is read: so many records, or fewer if they are large."""


def compact(lake: Lake, streams: Mapping[str, Stream], check: Callable[[], None]) -> int:
    """Merge what is due, as far as one run does; returns how many files went into others. Only for who holds the lease.

    Parameters
    ----------
    streams
        The application's, by name.
    check
        Called before every merge; raises if another run took over.

    Raises
    ------
    ArchiveError
        If a file cannot be written, say; the table is as it was.
    LakeDamagedError
        If a file is not the one that was written.
    """
    merged = records = size = 0
    for name in lake.streams():
        table = lake.table(name)
        for group in due(table.data_files()):
            for files in _alike(table, group, streams.get(name)):
                check()
                _merge(table, files, streams.get(name))
                merged += len(files)
            records += sum(file.records or 0 for file in group)
            size += sum(file.bytes for file in group)
            if records >= MOST_RECORDS or size >= MOST_BYTES or merged >= MOST_FILES:
                return merged
    return merged


def remove_merged(lake: Lake, before: int) -> int:
    """Remove files that others of their table hold the records of since `before`; returns how many.

    Parameters
    ----------
    before
        Microseconds since 1970, by the clock of the store. Whoever has looked at a table since reads others.
    """
    store, removed = lake.blobs.store, 0
    for name in lake.streams():
        table = lake.table(name)
        lying = {listed.name: listed.modified for listed in store.list(table.folder)}
        known = table.data_files()
        old = [file for file in known if lying.get(file.name, before) < before]
        named = {file.name for file in known}
        gone = [file.name for file in _within(table.named(lying), old) if file.name not in named]
        store.remove(gone)
        removed += len(gone)
    return removed


def due(files: Sequence[DataFile]) -> Iterator[list[DataFile]]:
    """Which files of a table are to be merged, in order; each group within what a run does."""
    for size in range(len(SIZES)):
        found = False
        for small, run in groupby(files, key=lambda file: (_size(file) or 0) <= size and _size(file) is not None):
            group = list(run)
            if small and sum(_size(file) == size for file in group) >= FAN_IN:
                found = True
                yield _bounded(group)
        if found:  # what they become is looked at by the next run
            return


def _size(file: DataFile) -> int | None:
    """Which of `SIZES` a file has; None: it is left alone."""
    if file.records is None or file.sha256 is None or file.bytes >= LARGE_BYTES:
        return None
    return next((size for size, records in enumerate(SIZES) if file.records < records), None)


def _bounded(files: Sequence[DataFile]) -> list[DataFile]:
    """The first of them, as many as a run may merge into one."""
    taken: list[DataFile] = []
    records = size = 0
    for file in files[:MOST_FILES]:
        records += file.records or 0
        size += file.bytes
        if taken and (records > MOST_RECORDS or size > MOST_BYTES):
            break
        taken.append(file)
    return taken


def _alike(table: LakeTable, files: Sequence[DataFile], stream: Stream | None) -> Iterator[list[DataFile]]:
    """Neighbours that tell the same columns besides those that can be derived, and whose records are in order."""
    derived = {*schema_of(stream).names}
    paths = table.local(files)

    def kind(found: tuple[DataFile, Path]) -> str | None:
        _, path = found
        held = pq.read_schema(path)
        extra = [name for name in held.names if name not in derived]
        untold = untold_columns(path, extra)
        return str([(name, held.field(name).type) for name in extra if name not in untold]) if _in_order(path) else None

    for alike, group in groupby(zip(files, paths, strict=True), key=kind):
        found = [file for file, _ in group]
        if alike is not None and len(found) > 1:
            yield found


def _in_order(path: Path) -> bool:
    """Whether the offsets of a file only grow, which an earlier release did not see to."""
    offsets = pq.read_table(path, columns=["_offset"])["_offset"].combine_chunks()
    least = pc.min(pc.pairwise_diff(offsets)).as_py()  # None: there is but one
    return least is None or least > 0


def _merge(table: LakeTable, files: Sequence[DataFile], stream: Stream | None) -> None:
    """Put one file in the place of some that follow each other."""
    paths = table.local(files)
    fields = table.columns_of(stream)
    extra = _told(paths[0], {*fields.names})
    schema = pa.schema([*fields, *extra])
    kept = pa.schema([*PLACE, *extra])
    written = table.write((_derived(batch, stream, schema) for batch in _read(paths, kept)), schema)
    (made,) = table.local([written.file])
    if written.file.records != sum(file.records or 0 for file in files) or not _equal(paths, made, kept):
        raise ArchiveError(f"{made} does not hold the records of the {len(files):,} files that it was made of")
    table.exchange(files, [written.add_action(data_change=False)])


def _told(path: Path, derived: set[str]) -> list[pa.Field]:
    """The columns of a file that are not derived, and that it tells anything of."""
    held = pq.read_schema(path)
    extra = [name for name in held.names if name not in derived]
    untold = untold_columns(path, extra)
    return [held.field(name).remove_metadata() for name in extra if name not in untold]


def _read(paths: Iterable[Path], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """What files have of some columns, a bounded piece at a time."""
    for path in paths:
        with pq.ParquetFile(path) as file:
            held = file.metadata
            size = sum(held.row_group(number).total_byte_size for number in range(held.num_row_groups))
            rows = max(min(_READ_RECORDS, _READ_BYTES * held.num_rows // max(size, 1)), 1)
            wanted = [name for name in schema.names if name in file.schema_arrow.names]
            yield from file.iter_batches(rows, columns=wanted)


def _derived(batch: pa.RecordBatch, stream: Stream | None, schema: pa.Schema) -> pa.RecordBatch:
    """Records with their typed columns as they would be archived now."""
    texts = [text.encode() for text in batch["_data"].to_pylist()]
    times = batch["_time"].cast(pa.int64()).to_pylist()
    fields = schema_of(stream).names[len(PLACE) :]
    typed = dict(zip(fields, typed_columns(stream, times, texts), strict=True))
    columns = [typed[field.name] if field.name in typed else batch[field.name] for field in schema]
    return pa.record_batch([c.cast(f.type) for c, f in zip(columns, schema, strict=True)], schema=schema)


def _equal(paths: Sequence[Path], made: Path, schema: pa.Schema) -> bool:
    """Whether files hold, one after the other, what one holds: read back, since they will be gone some day."""
    rest = pa.Table.from_batches([], schema)
    found = (pa.Table.from_batches([batch]).select(schema.names).cast(schema) for batch in _read([made], schema))
    for batch in _read(paths, schema):
        wanted = pa.Table.from_batches([batch]).select(schema.names).cast(schema)
        while rest.num_rows < wanted.num_rows:
            more = next(found, None)
            if more is None:
                return False
            rest = pa.concat_tables([rest, more])
        if not rest.slice(0, wanted.num_rows).combine_chunks().equals(wanted.combine_chunks()):
            return False
        rest = rest.slice(wanted.num_rows)
    return rest.num_rows == 0 and next(found, None) is None


def _within(files: Iterable[DataFile], others: Sequence[DataFile]) -> Iterator[DataFile]:
    """Those of some files whose range lies within one of others, which are in order and do not overlap."""
    firsts = [other.first for other in others]
    for file in files:
        place = bisect_right(firsts, file.first) - 1
        if place >= 0 and file.end <= others[place].end:
            yield file
