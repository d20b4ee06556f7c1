"""One table of the lake. Loads Delta Lake and Arrow; `lake` imports it when there is a table to look at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake import CommitProperties, DeltaTable, Schema, Transaction, WriterProperties, write_deltalake
from deltalake.exceptions import CommitFailedError

from anabranch import Stream
from eventlog.errors import ArchiveError
from eventlog.lake.columns import record_batch, schema_of, segments_of
from eventlog.log.segment import Record, Segment

ROW_GROUP_RECORDS = 122_880
"""What DuckDB reads at a time."""
_TRANSACTION = "anabranch"
_CONFIGURATION = {"delta.checkpointInterval": "10"}
"""A run opens every table a few times, and reads the commits since the checkpoint each time: a hundred are too many."""
_END = 2**63 - 1
_EVENTS = 5_000
"""How many events are read at a time where all are looked at."""
_BATCH_RECORDS = 32_768
_PLACE = ["_partition", "_offset", "_time", "_appended", "_id", "_key", "_data"]


class LakeTable:
    """The Delta table of one stream; its folder bears the stream's name."""

    def __init__(self, path: Path):
        self.path = path
        self.name = path.name

    def append(
        self, stream: Stream | None, segments: Iterable[Segment], upto: int, advance: Callable[[int], None]
    ) -> int:
        """Add the stream's records in [archived, `upto`); see `Lake.archive`."""
        schema = schema_of(stream)
        self.path.mkdir(parents=True, exist_ok=True)
        if not (self.path / "_delta_log").is_dir():  # to be told that it is there takes longer than to open it
            DeltaTable.create(
                str(self.path), schema=Schema.from_arrow(schema), mode="ignore", configuration=_CONFIGURATION
            )
        table = DeltaTable(str(self.path))  # the one state that the check and the commit refer to
        start = _reaches(table)
        if upto <= start:
            return 0
        added = 0

        def counted(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            nonlocal added
            for batch in batches:
                yield batch
                added += batch.num_rows
                advance(batch.num_rows)

        own = (s for s in segments if s.stream == self.name and s.offset < upto and s.end > start)
        batches = _larger(record_batch(segment.tail(start).head(upto), stream, schema) for segment in own)
        anew = _is_empty_of_other_types(table, schema)
        try:
            write_deltalake(
                table,
                pa.RecordBatchReader.from_batches(schema, counted(batches)),
                mode="overwrite" if anew else "append",
                schema_mode="overwrite" if anew else "merge",
                writer_properties=WriterProperties(compression="ZSTD", max_row_group_size=ROW_GROUP_RECORDS),
                commit_properties=CommitProperties(app_transactions=[Transaction(_TRANSACTION, upto)]),
            )
        except CommitFailedError as error:
            problem = f"stream {self.name!r} was archived by another process meanwhile: {error}"
            raise ArchiveError(problem) from error
        return added

    def archived(self) -> int:
        """The offset up to which records are in the table."""
        return _reaches(DeltaTable(str(self.path)))

    def files(self, start: int, end: int) -> list[str]:
        """The Parquet files that hold offsets in [start, end), in order."""
        return [path for _, path in self._files(start, end)]

    def _files(self, start: int, end: int) -> list[tuple[int, str]]:
        """(first offset, path) of each file."""
        found = []
        files = pa.table(DeltaTable(str(self.path)).get_add_actions(flatten=True))
        bounds = [name for name in ("min._offset", "max._offset") if name in files.column_names]
        for file in files.select(["path", *bounds]).to_pylist():
            first, last = file.get("min._offset"), file.get("max._offset")
            if first is None or last is None or (first < end and last >= start):  # no bounds: it may hold them
                found.append((first or 0, str(self.path / file["path"])))
        return sorted(found)

    def read(self, start: int, end: int, most_bytes: int) -> tuple[list[Segment], int]:
        """The records with offsets in [start, end), and `end`; or fewer, and the offset up to which they are all.

        After a file with which there are more than `most_bytes` of event data, no other is read.
        """
        found: list[Segment] = []
        size = 0
        for first, path in self._files(start, end):
            if size > most_bytes:
                return found, first
            table = pq.read_table(path, columns=_PLACE, filters=[("_offset", ">=", start), ("_offset", "<", end)])
            found += segments_of(table.sort_by("_offset"), self.name)
            size += table["_data"].nbytes
        return found, end

    def events(self, end: int) -> Iterator[tuple[list[int], bytes]]:
        """All events before `end`: the offsets of some thousands, and a JSON array of them."""
        for _, path in self._files(0, end):
            with pq.ParquetFile(path) as file:
                for rows in file.iter_batches(_EVENTS, columns=["_offset", "_data"]):
                    before = rows.filter(pc.less(rows["_offset"], end))
                    yield before["_offset"].to_pylist(), f"[{','.join(before['_data'].to_pylist())}]".encode()

    def find(self, id: str) -> Record | None:  # noqa: A002 (the word of the log)
        """The record of this id. If ids grow with time, Parquet passes over all row groups but the right one."""
        for _, path in reversed(self._files(0, _END)):  # the newest are asked for most
            rows = pq.read_table(path, columns=_PLACE, filters=[("_id", "==", id)])
            if rows.num_rows:
                return next(segments_of(rows, self.name)[0].records())
        return None


def _reaches(table: DeltaTable) -> int:
    return table.transaction_version(_TRANSACTION) or 0


def _larger(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The same rows in fewer, larger batches."""
    waiting: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        waiting.append(batch)
        rows += batch.num_rows
        if rows >= _BATCH_RECORDS:
            yield pa.concat_batches(waiting)
            waiting, rows = [], 0
    if waiting:
        yield pa.concat_batches(waiting)


def _is_empty_of_other_types(table: DeltaTable, schema: pa.Schema) -> bool:
    """Whether a table holds no record yet, and has a column of another type than records would have now.

    Delta casts what is appended to the type of the column, or fails where it cannot.
    """
    if pa.table(table.get_add_actions()).num_rows:
        return False
    types = {field.name: field.type for field in table.schema().fields}
    return any(types.get(field.name, field.type) != field.type for field in Schema.from_arrow(schema).fields)
