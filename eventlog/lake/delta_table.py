"""One table of the lake. Loads Delta Lake and Arrow; `lake` imports it when there is a table to look at."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import time_ns

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake import CommitProperties, DeltaTable, Schema, Transaction
from deltalake.exceptions import CommitFailedError, DeltaError
from deltalake.transaction import RemoveAction, create_table_with_add_actions

from anabranch import Stream
from eventlog.errors import ArchiveError, LakeDamagedError
from eventlog.lake.columns import record_batch, schema_of, segments_of
from eventlog.lake.commits import FOLDER, has_commits, remove_torn_beginning, sync_commits
from eventlog.lake.data_file import END, DataFile
from eventlog.lake.data_file_writer import add_action, remove_unfinished, write_data_file
from eventlog.lake.file_checks import FileChecks
from eventlog.log.segment import Record, Segment

_TRANSACTION = "anabranch"
_CONFIGURATION = {"delta.checkpointInterval": "10"}
"""A run opens every table a few times, and reads the commits since the checkpoint each time: a hundred are too many."""
_EVENTS = 5_000
"""How many events are read at a time where all are looked at."""
_BATCH_RECORDS = 32_768
_PLACE = ["_partition", "_offset", "_time", "_appended", "_id", "_key", "_data"]


class LakeTable:
    """The Delta table of one stream; its folder bears the stream's name.

    Parameters
    ----------
    checks
        Checks every file before it is read.
    """

    def __init__(self, path: Path, checks: FileChecks | None = None):
        self.path = path
        self.name = path.name
        self._checks = checks or FileChecks()

    # writing

    def append(
        self, stream: Stream | None, segments: Iterable[Segment], upto: int, advance: Callable[[int], None]
    ) -> int:
        """Add the stream's records in [archived, `upto`); see `Lake.archive`."""
        schema = schema_of(stream)
        table = self._ready(schema)  # the one state that the check and the commit refer to
        start = self._reaches(table)
        if upto <= start:
            return 0
        own = (s for s in segments if s.stream == self.name and s.offset < upto and s.end > start)
        added = 0

        def batches() -> Iterator[pa.RecordBatch]:
            nonlocal added
            for batch in _larger(record_batch(segment.tail(start).head(upto), stream, schema) for segment in own):
                yield _cast(batch, columns)
                added += batch.num_rows
                advance(batch.num_rows)

        anew = _is_empty_of_other_types(table, schema)
        columns = schema if anew else _typed_as(table, schema)
        try:
            written = write_data_file(self.path, batches(), columns)
            table.create_write_transaction(
                [] if written is None else [written.add_action()],
                mode="overwrite" if anew else "append",
                schema=Schema.from_arrow(schema) if anew else table.schema(),
                commit_properties=_reaching(upto),
            )
            sync_commits(self.path)
        except CommitFailedError as error:
            problem = f"stream {self.name!r} was archived by another process meanwhile: {error}"
            raise ArchiveError(problem) from error
        except (DeltaError, pa.ArrowException, OSError) as error:
            raise self._unwritable(error) from error
        return added

    def create_anew(self, schema: Schema, files: Sequence[DataFile]) -> None:
        """Make the commits anew: a table of these files. The commits that there are, if any, are put aside."""
        folder = self.path / FOLDER
        try:
            if folder.exists():
                folder.rename(self.path / f"{FOLDER}.damaged-{time_ns() // 1_000_000}")
            create_table_with_add_actions(
                str(self.path),
                schema,
                [add_action(file) for file in files],
                configuration=_CONFIGURATION,
                commit_properties=_reaching(max(file.end for file in files)),
            )
            sync_commits(self.path)
        except (DeltaError, OSError) as error:
            raise self._unwritable(error) from error

    def replace(
        self, stream: Stream | None, segments: Iterable[Segment], damaged: Path | None, start: int, end: int
    ) -> None:
        """Write the stream's records of [start, end) anew, in the place of a file of the table; None: of none."""
        schema = schema_of(stream)
        table = self._ready(schema)
        columns = _typed_as(table, schema)
        own = (s.tail(start).head(end) for s in segments if s.stream == self.name and s.offset < end and s.end > start)
        try:
            batches = (_cast(batch, columns) for batch in _larger(record_batch(s, stream, schema) for s in own))
            written = write_data_file(self.path, batches, columns)
            if written is None or written.file.path == damaged:  # byte by byte what it was
                return
            gone = [] if damaged is None else [RemoveAction(damaged.name, True, time_ns() // 1_000_000)]
            table.create_write_transaction(
                [*gone, written.add_action()],
                mode="append",
                schema=table.schema(),
                commit_properties=_reaching(max(self._reaches(table), written.file.end)),
            )
            sync_commits(self.path)
        except (DeltaError, pa.ArrowException, OSError) as error:
            raise self._unwritable(error) from error

    def rename(self, files: Sequence[tuple[DataFile, DataFile]]) -> None:
        """Have the table name files as the second of each pair; the content is the same."""
        table, now = self._opened(), time_ns() // 1_000_000
        gone = [RemoveAction(old.path.name, False, now) for old, _ in files]
        added = [add_action(new, data_change=False) for _, new in files]
        try:
            table.create_write_transaction([*gone, *added], mode="append", schema=table.schema())
            sync_commits(self.path)
        except (DeltaError, OSError) as error:
            raise self._unwritable(error) from error

    def _ready(self, schema: pa.Schema) -> DeltaTable:
        """The table, made if there is none, with a column for every field."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            remove_unfinished(self.path)
            if not has_commits(self.path):  # to be told that it is there takes longer than to open it
                remove_torn_beginning(self.path)
                DeltaTable.create(
                    str(self.path), schema=Schema.from_arrow(schema), mode="ignore", configuration=_CONFIGURATION
                )
            table = self._opened()
            known = {field.name for field in table.schema().fields}
            new = [field for field in Schema.from_arrow(schema).fields if field.name not in known]
            if new:
                table.alter.add_columns(new)
        except (DeltaError, OSError) as error:
            raise self._unwritable(error) from error
        return table

    def _unwritable(self, error: Exception) -> ArchiveError:
        return ArchiveError(f"stream {self.name!r} could not be archived into {self.path}: {_one_line(error)}")

    # reading

    def archived(self) -> int:
        """The offset up to which records are in the table."""
        return self._reaches(self._opened())

    def count(self, end: int = END) -> int:
        """How many records before `end` there are. Files are opened where their names do not tell."""
        return sum(_count(file, end) for file in self.data_files(0, end))

    def offsets(self, start: int, end: int) -> Iterator[pa.Array]:
        """The offsets in [start, end) that it holds, file by file."""
        for file in self.data_files(start, end):
            filters = [("_offset", ">=", start), ("_offset", "<", end)]
            yield pq.read_table(file.path, columns=["_offset"], filters=filters)["_offset"].combine_chunks()

    def damages(self, end: int) -> Iterator[LakeDamagedError]:
        """What is wrong with its files that hold records before `end`; all are checked."""
        for file in self.data_files(0, end):
            try:
                self._checks.check([file])
            except LakeDamagedError as error:
                yield error

    def files(self, start: int, end: int, *, check: bool = True) -> list[str]:
        """The Parquet files that hold offsets in [start, end), in order, each checked."""
        found = self.data_files(start, end)
        if check:
            self._checks.check(found)
        return [str(file.path) for file in found]

    def data_files(self, start: int = 0, end: int = END) -> list[DataFile]:
        """What the table says of its files that may hold offsets in [start, end), in order. None of them is opened."""
        return sorted(file for file in self._files_of(self._opened()) if file.overlaps(start, end))

    def read(self, start: int, end: int, most_bytes: int) -> tuple[list[Segment], int]:
        """The records with offsets in [start, end), and `end`; or fewer, and the offset up to which they are all.

        After a file with which there are more than `most_bytes` of event data, no other is read.
        """
        found: list[Segment] = []
        size = 0
        for file in self.data_files(start, end):
            if size > most_bytes:
                return found, file.first
            self._checks.check([file])
            table = pq.read_table(file.path, columns=_PLACE, filters=[("_offset", ">=", start), ("_offset", "<", end)])
            found += segments_of(table.sort_by("_offset"), self.name)
            size += table["_data"].nbytes
        return found, end

    def events(self, end: int) -> Iterator[tuple[list[int], bytes]]:
        """All events before `end`: the offsets of some thousands, and a JSON array of them."""
        for data_file in self.data_files(0, end):
            self._checks.check([data_file])
            with pq.ParquetFile(data_file.path) as file:
                for rows in file.iter_batches(_EVENTS, columns=["_offset", "_data"]):
                    before = rows.filter(pc.less(rows["_offset"], end))
                    yield before["_offset"].to_pylist(), f"[{','.join(before['_data'].to_pylist())}]".encode()

    def find(self, id: str) -> Record | None:  # noqa: A002 (the word of the log)
        """The record of this id. If ids grow with time, Parquet passes over all row groups but the right one."""
        for file in reversed(self.data_files()):  # the newest are asked for most
            self._checks.check([file])
            rows = pq.read_table(file.path, columns=_PLACE, filters=[("_id", "==", id)])
            if rows.num_rows:
                return next(segments_of(rows, self.name)[0].records())
        return None

    def _opened(self) -> DeltaTable:
        """The table as its commits say; raises `LakeDamagedError` if they cannot be read."""
        with self._reading_commits():
            return DeltaTable(str(self.path))

    def _reaches(self, table: DeltaTable) -> int:
        """The offset up to which a table says it reaches, which none of its files lies behind."""
        with self._reading_commits():
            reached = table.transaction_version(_TRANSACTION) or 0
        ends = [file.end for file in self._files_of(table) if file.end < END]
        if max(ends, default=0) > reached:
            problem = f"says that the table ends at 0:{reached}, and names files up to 0:{max(ends)}"
            raise LakeDamagedError(self.path / FOLDER, problem, self.name, reached, max(ends))
        return reached

    def _files_of(self, table: DeltaTable) -> list[DataFile]:
        told = ("path", "size_bytes", "num_records", "min._offset", "max._offset")
        with self._reading_commits():
            added = pa.table(table.get_add_actions(flatten=True))
            rows = added.select([name for name in told if name in added.column_names]).to_pylist()
            return [DataFile.of(self.path, row) for row in rows]

    @contextmanager
    def _reading_commits(self) -> Iterator[None]:
        """Tell whatever Delta Lake raises at damage as that: it reads only when it is asked, and panics, too."""
        try:
            yield
        except (DeltaError, pa.ArrowException, OSError, ValueError, TypeError, KeyError) as error:
            raise self._unreadable(error) from error
        except BaseException as error:
            if type(error).__name__ == "PanicException":  # of Rust; it has no other name in Python
                raise self._unreadable(error) from error
            raise

    def _unreadable(self, error: BaseException) -> LakeDamagedError:
        problem = f"cannot be read as the commits of a Delta table ({_one_line(error):.300})"
        return LakeDamagedError(self.path / FOLDER, problem, self.name, 0, END)


def _one_line(error: BaseException) -> str:
    """What Delta Lake says in several lines, with arrows and colours."""
    return " ".join(re.sub(r"\x1b\[\d*m|↳", "", str(error)).split())


def _reaching(upto: int) -> CommitProperties:
    """What a commit says of how far the table reaches."""
    return CommitProperties(app_transactions=[Transaction(_TRANSACTION, upto)])


def _count(file: DataFile, end: int) -> int:
    """How many records before `end` a file has."""
    try:
        if file.end > end:
            return len(pq.read_table(file.path, columns=["_offset"], filters=[("_offset", "<", end)])["_offset"])
        return int(pq.read_metadata(file.path).num_rows) if file.records is None else file.records
    except (OSError, pa.ArrowException) as error:
        raise file.damaged(f"cannot be read ({error})") from error


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


def _typed_as(table: DeltaTable, schema: pa.Schema) -> pa.Schema:
    """The columns of `schema` with the types that they have in the table."""
    types = {field.name: field.type for field in pa.schema(table.schema().to_arrow())}
    return pa.schema([(field.name, types.get(field.name, field.type)) for field in schema])


def _cast(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The same rows with these types; Arrow raises where a value cannot have the type of its column."""
    if batch.schema == schema:
        return batch
    columns = [column.cast(field.type) for column, field in zip(batch.columns, schema, strict=True)]
    return pa.record_batch(columns, schema=schema)
