"""One table of the lake, written. Loads Delta Lake and Arrow; `lake` imports it when there is a table to look at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from time import time_ns

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Schema, Transaction
from deltalake.exceptions import CommitFailedError, DeltaError
from deltalake.transaction import AddAction, RemoveAction, create_table_with_add_actions

from anabranch import Stream
from eventlog.errors import ArchiveError
from eventlog.lake.columns import record_batch, schema_of
from eventlog.lake.commits import FOLDER, has_commits, put_commits_aside, remove_torn_beginning, sync_commits
from eventlog.lake.data_file import DataFile
from eventlog.lake.data_file_writer import Written, add_action, remove_unfinished, write_data_file
from eventlog.lake.file_checks import FileChecks
from eventlog.lake.file_name import FileName
from eventlog.lake.table_reader import LOG, TRANSACTION, TableReader, one_line
from eventlog.log.segment import Segment
from eventlog.store.errors import StoreUnavailableError

_CONFIGURATION = {"delta.checkpointInterval": "10"}
"""A run opens every table a few times, and reads the commits since the checkpoint each time: a hundred are too many."""
_BATCH_RECORDS = 32_768


class LakeTable(TableReader):
    """The Delta table of one stream, to read and to write; see `TableReader`.

    Parameters
    ----------
    log_id
        Of the log that it is made of; every commit tells it. None: that is not known.
    """

    def __init__(self, folder: str, checks: FileChecks, log_id: str | None = None):
        super().__init__(folder, checks)
        self._log_id = log_id

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
        return ArchiveError(f"stream {self.name!r} could not be archived into {self.path}: {one_line(error)}")

    def _told(self, upto: int | None = None) -> CommitProperties:
        """What a commit says besides: whose log it is of and, if that changes, how far the table reaches."""
        metadata = None if self._log_id is None else {LOG: self._log_id}
        reaching = None if upto is None else [Transaction(TRANSACTION, upto)]
        return CommitProperties(custom_metadata=metadata, app_transactions=reaching)


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
