"""What one table of the lake says and holds, read. Loads Delta Lake and Arrow."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from eventlog.errors import LakeDamagedError
from eventlog.lake.columns import segments_of
from eventlog.lake.commits import FOLDER, has_commits
from eventlog.lake.data_file import END, DataFile
from eventlog.lake.file_checks import FileChecks
from eventlog.lake.file_name import FileName
from eventlog.log.segment import Record, Segment
from eventlog.store.blobs import Blob
from eventlog.store.errors import StoreUnavailableError

TRANSACTION = "anabranch"
LOG = "anabranch.log"
"""What a commit calls how far its table reaches, and whose log it is of."""
_EVENTS = 5_000
"""How many events are read at a time where all are looked at."""
_PLACE = ["_partition", "_offset", "_time", "_appended", "_id", "_key", "_data"]


class TableReader:
    """The Delta table of one stream, as who reads it sees it.

    Parameters
    ----------
    folder
        What its folder is called in the store; the last part is the name of the stream.
    checks
        Checks every file before it is read.
    """

    def __init__(self, folder: str, checks: FileChecks):
        self.folder = folder
        self.name = folder.rpartition("/")[2]
        self._checks = checks
        self._store = checks.blobs.store

    @property
    def path(self) -> Path | str:
        """Where it is, for people."""
        return self._checks.place(self.folder)

    def log_id(self) -> str | None:
        """The log that the newest commit says it is of; None: it says none, as one of an earlier release."""
        table = self._opened()
        with self._reading_commits():
            newest = table.history(1)
        told = newest[0].get(LOG) if newest else None
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
            reached = table.transaction_version(TRANSACTION) or 0
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
        problem = f"cannot be read as the commits of a Delta table ({one_line(error):.300})"
        return LakeDamagedError(self._commits, problem, self.name, 0, END)


def one_line(error: BaseException) -> str:
    """What Delta Lake says in several lines, with arrows and colours."""
    return " ".join(re.sub(r"\x1b\[\d*m|↳", "", str(error)).split())
