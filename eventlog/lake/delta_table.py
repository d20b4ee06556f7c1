"""One table of the lake. Loads Delta Lake and Arrow; `lake` imports it when there is a table to look at."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import time_ns

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake import CommitProperties, DeltaTable, Schema, Transaction
from deltalake.exceptions import CommitFailedError, DeltaError
from deltalake.transaction import AddAction, RemoveAction, create_table_with_add_actions

from anabranch import Stream
from eventlog.errors import ArchiveError, LakeDamagedError
from eventlog.lake.columns import record_batch, schema_of, segments_of
from eventlog.lake.commits import FOLDER, has_commits, put_commits_aside, remove_torn_beginning, sync_commits
from eventlog.lake.data_file import END, DataFile
from eventlog.lake.data_file_writer import Written, add_action, remove_unfinished, write_data_file
from eventlog.lake.file_checks import FileChecks
from eventlog.lake.file_name import FileName
from eventlog.log.segment import Record, Segment
from eventlog.store.blobs import Blob
from eventlog.store.errors import StoreUnavailableError

_TRANSACTION = "anabranch"
_LOG = "anabranch.log"
"""What a commit calls how far its table reaches, and whose log it is of."""
_CONFIGURATION = {"delta.checkpointInterval": "10"}
"""A run opens every table a few times, and reads the commits since the checkpoint each time: a hundred are too many."""
_EVENTS = 5_000
"""How many events are read at a time where all are looked at."""
_BATCH_RECORDS = 32_768
_PLACE = ["_partition", "_offset", "_time", "_appended", "_id", "_key", "_data"]


class LakeTable:
    """The Delta table of one stream.

    Parameters
    ----------
    folder
        What its folder is called in the store; the last part is the name of the stream.
    checks
        Checks every file before it is read.
    log_id
        Of the log that it is made of; every commit tells it. None: that is not known.
    """

    def __init__(self, folder: str, checks: FileChecks, log_id: str | None = None):
        self.folder = folder
        self.name = folder.rpartition("/")[2]
        self._checks = checks
        self._store = checks.blobs.store
        self._log_id = log_id

    @property
    def path(self) -> Path | str:
        """Where it is, for people."""
        return self._checks.place(self.folder)

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
            written = write_data_file(self._checks.blobs, self.folder, batches(), columns)
            table.create_write_transaction(
                [] if written is None else [written.add_action()],
                mode="overwrite" if anew else "append",
                schema=Schema.from_arrow(schema) if anew else table.schema(),
                commit_properties=self._told(upto),
            )
            sync_commits(self._store, self.folder)
        except CommitFailedError as error:
            problem = f"stream {self.name!r} was archived by another process meanwhile: {error}"
            raise ArchiveError(problem) from error
        except (DeltaError, pa.ArrowException, OSError, StoreUnavailableError) as error:
            raise self._unwritable(error) from error
        return added

    def create_anew(self, schema: Schema, files: Sequence[DataFile]) -> None:
        """Make the commits anew: a table of these files. The commits that there are, if any, are put aside."""
        uri, options = self._store.delta_url(self.folder), self._store.delta_options
        try:
            put_commits_aside(self._store, self.folder, f"{FOLDER}.damaged-{time_ns() // 1_000_000}")
            create_table_with_add_actions(
                uri,
                schema,
                [add_action(file) for file in files],
                configuration=_CONFIGURATION,
                storage_options=options,
                commit_properties=self._told(max(file.end for file in files)),
            )
            sync_commits(self._store, self.folder)
        except (DeltaError, OSError) as error:
            raise self._unwritable(error) from error

    def replace(
        self, stream: Stream | None, segments: Iterable[Segment], damaged: DataFile | None, start: int, end: int
    ) -> None:
        """Write the stream's records of [start, end) anew, in the place of a file of the table; None: of none."""
        schema = schema_of(stream)
        table = self._ready(schema)
        columns = _typed_as(table, schema)
        own = (s.tail(start).head(end) for s in segments if s.stream == self.name and s.offset < end and s.end > start)
        try:
            batches = (_cast(batch, columns) for batch in _larger(record_batch(s, stream, schema) for s in own))
            written = write_data_file(self._checks.blobs, self.folder, batches, columns)
            if written is None or (damaged is not None and written.file.name == damaged.name):  # byte by byte as it was
                return
            gone = [] if damaged is None else [RemoveAction(damaged.file_name, True, time_ns() // 1_000_000)]
            table.create_write_transaction(
                [*gone, written.add_action()],
                mode="append",
                schema=table.schema(),
                commit_properties=self._told(max(self._reaches(table), written.file.end)),
            )
            sync_commits(self._store, self.folder)
        except (DeltaError, pa.ArrowException, OSError, StoreUnavailableError) as error:
            raise self._unwritable(error) from error

    def columns_of(self, stream: Stream | None) -> pa.Schema:
        """The columns of its records with the types of the table, which gets those that it lacks."""
        schema = schema_of(stream)
        return _typed_as(self._ready(schema), schema)

    def write(self, batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Written:
        """Write a file beside those that it names; raises `ArchiveError` if that cannot be."""
        try:
            written = write_data_file(self._checks.blobs, self.folder, batches, schema)
        except (pa.ArrowException, OSError, StoreUnavailableError) as error:
            raise self._unwritable(error) from error
        if written is None:
            raise ArchiveError(f"a file of stream {self.name!r} without records was to be written")
        return written

    def named(self, names: Iterable[str]) -> list[DataFile]:
        """The data files among names of its folder in the store, whether or not the table has them; without lengths."""
        paths = [name.removeprefix(f"{self.folder}/") for name in names]
        return [DataFile.named(self.folder, name, 0) for name in map(FileName.of, paths) if name is not None]

    def exchange(self, gone: Sequence[DataFile], added: Iterable[AddAction]) -> None:
        """Have the table name other files in the place of some; the records are the same.

        Raises
        ------
        ArchiveError
            If it cannot be written, or another process changed the table meanwhile; nothing was changed.
        """
        table, now = self._opened(), time_ns() // 1_000_000
        known = {file.name for file in self._files_of(table)}
        removed = [RemoveAction(file.file_name, False, now) for file in gone if file.name in known]
        if len(removed) < len(gone):
            raise ArchiveError(f"files of stream {self.name!r} were exchanged by another process meanwhile")
        # Two commits that remove the same file are no conflict to Delta Lake where no record changes. Two that say how
        # far the table reaches are.
        told = self._told(self._reaches(table))
        try:
            table.create_write_transaction(
                [*removed, *added], mode="append", schema=table.schema(), commit_properties=told
            )
            sync_commits(self._store, self.folder)
        except (DeltaError, OSError) as error:
            raise self._unwritable(error) from error

    def _ready(self, schema: pa.Schema) -> DeltaTable:
        """The table, made if there is none, with a column for every field."""
        store, folder = self._store, self.folder
        try:
            on_disk = store.path(folder)
            if on_disk is not None:
                on_disk.mkdir(parents=True, exist_ok=True)
            remove_unfinished(store, folder)
            if not has_commits(store, folder):  # to be told that it is there takes longer than to open it
                remove_torn_beginning(store, folder)
                DeltaTable.create(
                    store.delta_url(folder),
                    schema=Schema.from_arrow(schema),
                    mode="ignore",
                    configuration=_CONFIGURATION,
                    storage_options=store.delta_options,
                    commit_properties=self._told(),
                )
            table = self._opened()
            known = {field.name for field in table.schema().fields}
            new = [field for field in Schema.from_arrow(schema).fields if field.name not in known]
            if new:
                table.alter.add_columns(new, commit_properties=self._told())
        except (DeltaError, OSError, StoreUnavailableError) as error:
            raise self._unwritable(error) from error
        return table

    def _unwritable(self, error: Exception) -> ArchiveError:
        return ArchiveError(f"stream {self.name!r} could not be archived into {self.path}: {_one_line(error)}")

    def _told(self, upto: int | None = None) -> CommitProperties:
        """What a commit says besides: whose log it is of and, if that changes, how far the table reaches."""
        metadata = None if self._log_id is None else {_LOG: self._log_id}
        reaching = None if upto is None else [Transaction(_TRANSACTION, upto)]
        return CommitProperties(custom_metadata=metadata, app_transactions=reaching)

    # reading

    def log_id(self) -> str | None:
        """The log that the newest commit says it is of; None: it says none, as one of an earlier release."""
        table = self._opened()
        with self._reading_commits():
            newest = table.history(1)
        told = newest[0].get(_LOG) if newest else None
        return None if told is None else str(told)

    def archived(self) -> int:
        """The offset up to which records are in the table."""
        return self._reaches(self._opened())

    def count(self, end: int = END) -> int:
        """How many records before `end` there are. Files are opened where their names do not tell."""
        return sum(self._count(file, end) for file in self.data_files(0, end))

    def offsets(self, start: int, end: int) -> Iterator[pa.Array]:
        """The offsets in [start, end) that it holds, file by file."""
        for file in self.data_files(start, end):
            filters = [("_offset", ">=", start), ("_offset", "<", end)]
            (path,) = self._checks.local([file])
            yield pq.read_table(path, columns=["_offset"], filters=filters)["_offset"].combine_chunks()

    def damages(self, end: int) -> Iterator[tuple[DataFile, LakeDamagedError]]:
        """Which of its files that hold records before `end` are damaged, and how; all are checked."""
        for file in self.data_files(0, end):
            try:
                self._checks.check(file)
            except LakeDamagedError as error:
                yield file, error

    def glance(self) -> None:
        """Hold the length of every file against what is known of it; raises `LakeDamagedError`."""
        found = {listed.name: listed.bytes for listed in self._store.list(self.folder)}
        for file in self.data_files():
            self._checks.compare_size(file, found.get(file.name))

    def files(self, start: int, end: int, *, check: bool = True) -> list[str]:
        """The Parquet files that hold offsets in [start, end), in order, each checked."""
        found = self.data_files(start, end)
        if not check and self._checks.in_folder:
            return [str(self._checks.place(file.name)) for file in found]
        return [str(path) for path in self._checks.local(found)]

    def held(self, start: int, end: int) -> list[Blob]:
        """See `Lake.held`."""
        found = self.data_files(start, end)
        if self._checks.in_folder:
            self._checks.local(found)
        return [file.blob for file in found]

    def exists(self) -> bool:
        """Whether it has commits."""
        return has_commits(self._store, self.folder)

    def local(self, files: Collection[DataFile]) -> list[Path]:
        """Where files of it are on this machine, each checked; see `FileChecks.local`."""
        return self._checks.local(files)

    def found(self) -> Iterator[DataFile]:
        """The sound data files in its folder, whether or not its commits tell of them."""
        for listed in self._store.list(self.folder):
            path = listed.name.removeprefix(f"{self.folder}/")
            if "/" in path or not path.endswith(".parquet"):
                continue
            try:
                file = self._described(path, listed.bytes)
                self._checks.check(file)
            except (LakeDamagedError, pa.ArrowException, OSError):  # found again as damaged, if the table has it
                continue
            yield file

    def _described(self, path: str, size: int) -> DataFile:
        """What is known of a data file without a table: by its name or, of an earlier release, by what it holds."""
        name = FileName.of(path)
        if name is not None:
            return DataFile.named(self.folder, name, size)
        place = self._checks.check(DataFile(0, END, f"{self.folder}/{path}", None, size, None))
        offsets = pq.read_table(place, columns=["_offset"])["_offset"].sort()
        first, end = offsets[0].as_py(), offsets[-1].as_py() + 1
        return DataFile(first, end, f"{self.folder}/{path}", len(offsets), size, None)

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
            (path,) = self._checks.local([file])
            table = pq.read_table(path, columns=_PLACE, filters=[("_offset", ">=", start), ("_offset", "<", end)])
            found += segments_of(table.sort_by("_offset"), self.name)
            size += table["_data"].nbytes
        return found, end

    def events(self, end: int) -> Iterator[tuple[list[int], bytes]]:
        """All events before `end`: the offsets of some thousands, and a JSON array of them."""
        for data_file in self.data_files(0, end):
            (path,) = self._checks.local([data_file])
            with pq.ParquetFile(path) as file:
                for rows in file.iter_batches(_EVENTS, columns=["_offset", "_data"]):
                    before = rows.filter(pc.less(rows["_offset"], end))
                    yield before["_offset"].to_pylist(), f"[{','.join(before['_data'].to_pylist())}]".encode()

    def find(self, id: str) -> Record | None:  # noqa: A002 (the word of the log)
        """The record of this id. If ids grow with time, Parquet passes over all row groups but the right one."""
        for file in reversed(self.data_files()):  # the newest are asked for most
            (path,) = self._checks.local([file])
            rows = pq.read_table(path, columns=_PLACE, filters=[("_id", "==", id)])
            if rows.num_rows:
                return next(segments_of(rows, self.name)[0].records())
        return None

    def _opened(self) -> DeltaTable:
        """The table as its commits say; raises `LakeDamagedError` if they cannot be read."""
        uri, options = self._store.delta_url(self.folder), self._store.delta_options
        with self._reading_commits():
            return DeltaTable(uri, storage_options=options)

    def _reaches(self, table: DeltaTable) -> int:
        """The offset up to which a table says it reaches, which none of its files lies behind."""
        with self._reading_commits():
            reached = table.transaction_version(_TRANSACTION) or 0
        ends = [file.end for file in self._files_of(table) if file.end < END]
        if max(ends, default=0) > reached:
            problem = f"says that the table ends at 0:{reached}, and names files up to 0:{max(ends)}"
            raise LakeDamagedError(self._commits, problem, self.name, reached, max(ends))
        return reached

    def _files_of(self, table: DeltaTable) -> list[DataFile]:
        told = ("path", "size_bytes", "num_records", "min._offset", "max._offset")
        with self._reading_commits():
            added = pa.table(table.get_add_actions(flatten=True))
            rows = added.select([name for name in told if name in added.column_names]).to_pylist()
            return [DataFile.of(self.folder, row) for row in rows]

    @contextmanager
    def _reading_commits(self) -> Iterator[None]:
        """Tell whatever Delta Lake raises at damage as that: it reads only when it is asked, and panics, too."""
        try:
            yield
        except FileNotFoundError as error:
            raise self._unreadable(error) from error
        except (DeltaError, pa.ArrowException, OSError, ValueError, TypeError, KeyError) as error:
            if isinstance(error, OSError) and not self._checks.in_folder:  # a bucket that does not answer
                raise StoreUnavailableError(self._store.url, self.folder, error) from error
            raise self._unreadable(error) from error
        except BaseException as error:
            if type(error).__name__ == "PanicException":  # of Rust; it has no other name in Python
                raise self._unreadable(error) from error
            raise

    def _count(self, file: DataFile, end: int) -> int:
        """How many records before `end` a file has."""
        try:
            if file.end > end:
                (path,) = self._checks.local([file])
                return len(pq.read_table(path, columns=["_offset"], filters=[("_offset", "<", end)])["_offset"])
            if file.records is None:
                (path,) = self._checks.local([file])
                return int(pq.read_metadata(path).num_rows)
            return file.records
        except (OSError, pa.ArrowException) as error:
            raise self._checks.damaged(file, f"cannot be read ({error})") from error

    @property
    def _commits(self) -> Path | str:
        return self._checks.place(f"{self.folder}/{FOLDER}")

    def _unreadable(self, error: BaseException) -> LakeDamagedError:
        problem = f"cannot be read as the commits of a Delta table ({_one_line(error):.300})"
        return LakeDamagedError(self._commits, problem, self.name, 0, END)


def _one_line(error: BaseException) -> str:
    """What Delta Lake says in several lines, with arrows and colours."""
    return " ".join(re.sub(r"\x1b\[\d*m|↳", "", str(error)).split())


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
