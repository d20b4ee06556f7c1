"""The lake: the permanent master data set, one Delta Lake table a stream.

Records are archived exactly once: the Delta commit that adds them also says, as an application transaction, up to
which offset the table now reaches. A commit is there or it is not; data files without one are never read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import CommitProperties, DeltaTable, Transaction, WriterProperties, write_deltalake

from anabranch import Cut, Stream
from eventlog.lake_columns import record_batch, schema_of, segments_of
from eventlog.segment import Segment

_TRANSACTION = "anabranch"
ROW_GROUP_RECORDS = 122_880
"""What DuckDB reads at a time."""
_BATCH_RECORDS = 32_768
_READ_RECORDS = 50_000
"""Opening a table costs more than reading many records: at least so many are read at once."""
_PLACE = ["_partition", "_offset", "_time", "_appended", "_id", "_key", "_data"]


class Lake:
    """The tables in a folder.

    Parameters
    ----------
    root
        The folder; made when something is archived.
    """

    def __init__(self, root: Path | str):
        self.root = Path(root)

    # writing

    def archive(
        self,
        stream: Stream | str,
        segments: Iterable[Segment],
        upto: int,
        advance: Callable[[int], None] = lambda records: None,
    ) -> int:
        """Add the records of a stream before `upto` that the table does not have yet.

        Parameters
        ----------
        stream
            A stream, or the name of one without a definition, like the system's own: it gets no typed columns.
        segments
            Records in offset order, at least all of the stream in [`archived`, `upto`). Those of other streams and
            those outside the range are passed over.
        advance
            Called with the number of records after every few of them.

        Returns
        -------
        int
            How many records were added.
        """
        name, definition = (stream, None) if isinstance(stream, str) else (stream.name, stream)
        start = self.archived(name)
        if upto <= start:
            return 0
        added = 0

        def counted(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            nonlocal added
            for batch in batches:
                yield batch
                added += batch.num_rows
                advance(batch.num_rows)

        schema = schema_of(definition)
        wanted = (s.tail(start).head(upto) for s in segments if s.stream == name and s.offset < upto and s.end > start)
        batches = counted(_larger(record_batch(segment, definition, schema) for segment in wanted))
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_deltalake(
            path,
            pa.RecordBatchReader.from_batches(schema, batches),
            mode="append",
            schema_mode="merge",
            writer_properties=WriterProperties(compression="ZSTD", max_row_group_size=ROW_GROUP_RECORDS),
            commit_properties=CommitProperties(app_transactions=[Transaction(_TRANSACTION, upto)]),
        )
        return added

    # reading

    def archived(self, name: str) -> int:
        """The offset up to which the records of a stream are in the lake."""
        table = self._table(name)
        return 0 if table is None else table.transaction_version(_TRANSACTION) or 0

    def streams(self) -> list[str]:
        """The names of the tables."""
        return sorted(path.name for path in self.root.glob("*") if DeltaTable.is_deltatable(str(path)))

    def files(self, name: str, start: int, end: int) -> list[str]:
        """The Parquet files that hold records of a stream with offsets in [start, end), in order."""
        table = self._table(name)
        if table is None:
            return []
        found = []
        for file in pa.table(table.get_add_actions(flatten=True)).to_pylist():
            first, last = file.get("min._offset"), file.get("max._offset")
            if first is None or last is None or (first < end and last >= start):
                found.append((first or 0, str(self.root / name / file["path"])))
        return [path for _, path in sorted(found)]

    def read(self, cut: Cut, limit: int = 10_000) -> list[Segment]:
        """About `limit` records of all streams from `cut` on, in offset order."""
        start = cut.offsets[0]
        end = start + max(limit, _READ_RECORDS)
        found = [segment for name in self.streams() for segment in self._segments(name, start, end)]
        return sorted(found, key=lambda segment: segment.offset)

    def _segments(self, name: str, start: int, end: int) -> Iterator[Segment]:
        for path in self.files(name, start, end):
            table = pq.read_table(path, columns=_PLACE, filters=[("_offset", ">=", start), ("_offset", "<", end)])
            yield from segments_of(table.sort_by("_offset"), name)

    def _table(self, name: str) -> DeltaTable | None:
        path = str(self.root / name)
        return DeltaTable(path) if DeltaTable.is_deltatable(path) else None


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
