"""The lake: the permanent master data set, one Delta Lake table a stream.

Records are archived exactly once: the Delta commit that adds them also says, as an application transaction, up to
which offset the table now reaches. A commit is there or it is not; data files without one are never read.

What is read is checked. The name of a data file tells its records and its sha256 (see `data_file`), every byte is held
against it before the file is read the first time, and every offset of the log must be in one file of one table: see
`Lake.check_whole`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from anabranch import SYSTEM, Cut, Stream
from eventlog.errors import LakeDamagedError
from eventlog.lake.commits import has_commits
from eventlog.log.segment import Record, Segment
from eventlog.store.blobs import Blob, Blobs
from eventlog.store.folder_store import FolderStore
from eventlog.store.store import LAKE

if TYPE_CHECKING:
    from eventlog.lake.delta_table import LakeTable
    from eventlog.lake.file_checks import FileChecks

_READ_RECORDS = 50_000
"""Opening a table costs more than reading many records: at least so many are read at once."""
_READ_BYTES = 32 * 2**20
"""Of event data in one stream, after which no further file is opened."""


class Lake:
    """The tables in a store.

    Parameters
    ----------
    place
        The blobs of the store, in whose ``lake/`` they are; or a folder of tables, made when something is archived.
    log_id
        Asked for the id of the log that is archived, which every commit tells; None: they tell none.
    """

    def __init__(self, place: Blobs | Path | str, log_id: Callable[[], str] | None = None):
        if isinstance(place, Blobs):
            self.blobs, self._folder = place, LAKE
        else:
            root = Path(place).absolute()
            self.blobs, self._folder = Blobs(FolderStore(root.parent), root.parent / "cache"), root.name
        self._log_id = log_id
        self._checks: FileChecks | None = None

    @property
    def place(self) -> Path | str:
        """Where it is, for people."""
        return self.blobs.store.path(self._folder) or f"{self.blobs.store.url}/{self._folder}"

    @property
    def root(self) -> Path:
        """The folder of the tables; raises `ValueError` where the store is none."""
        if not isinstance(self.place, Path):
            raise ValueError(f"{self.place} is no folder")
        return self.place

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
            those outside the range are passed over. Few of them are in memory at a time. An iterator must not read
            the lake itself: Delta Lake is at work when it is asked.
        upto
            The offset up to which the table reaches afterwards, also when no record is left to add.
        advance
            Called with the number of records after every few of them.

        Returns
        -------
        int
            How many records were added.

        Raises
        ------
        ArchiveError
            If another process archived the same stream meanwhile, or the disk is full; nothing was added.
        LakeDamagedError
            If the commits of the table cannot be read.
        """
        name, definition = (stream, None) if isinstance(stream, str) else (stream.name, stream)
        return self.table(name).append(definition, segments, upto, advance)

    # reading

    def archived(self, name: str) -> int:
        """The offset up to which the records of a stream are in the lake."""
        return self.table(name).archived() if self._exists(name) else 0

    def streams(self) -> list[str]:
        """The names of the tables."""
        return [name for name in self.blobs.store.folders(self._folder) if self._exists(name)]

    def files(self, name: str, start: int, end: int, *, check: bool = True) -> list[str]:
        """The Parquet files that hold records of a stream with offsets in [start, end), in order, each checked.

        Parameters
        ----------
        check
            False: they are only named, and nobody reads them.

        Raises
        ------
        LakeDamagedError
            For the first file that is not the one that was written. So do all methods that read.
        """
        return self.table(name).files(start, end, check=check) if self._exists(name) else []

    def held(self, name: str, start: int, end: int) -> list[Blob]:
        """The same files for others to fetch.

        Those in a folder are checked as by `files`, for who reads them in their place; what lies elsewhere is checked
        by who fetches it.
        """
        return self.table(name).held(start, end) if self._exists(name) else []

    def read(self, cut: Cut, limit: int = 10_000) -> list[Segment]:
        """Records of all streams from `cut` on, in offset order: `limit` of them or some ten thousands.

        Fewer, if they are large: it reads a file of a stream at a time, until there is enough.
        """
        start = cut.offsets[0]
        end = start + max(limit, _READ_RECORDS)
        found: list[Segment] = []
        for name in self.streams():
            segments, end = self.table(name).read(start, end, _READ_BYTES)
            found += segments
        whole = [segment.head(end) for segment in found if segment.offset < end]
        return sorted(whole, key=lambda segment: segment.offset)

    def read_stream(self, name: str, start: int, end: int) -> Iterator[Segment]:
        """The records of one stream with offsets in [start, end), in order. Few files are in memory at a time."""
        while self._exists(name) and start < end:
            segments, reached = self.table(name).read(start, end, _READ_BYTES)
            yield from segments
            start = reached

    def events(self, name: str, end: int) -> Iterator[tuple[list[int], bytes]]:
        """All events of a stream before `end` as stored, some thousands at a time: their offsets, and a JSON array."""
        if self._exists(name):
            yield from self.table(name).events(end)

    def find(self, name: str, id: str) -> Record | None:  # noqa: A002 (the word of the log)
        """The record of a stream that has this id; None: there is none in the lake."""
        return self.table(name).find(id) if self._exists(name) else None

    # checking

    def count(self, name: str) -> int:
        """How many records of a stream there are, as the table says."""
        return self.table(name).count() if self._exists(name) else 0

    def check(self, start: int, end: int) -> None:
        """Check every file that holds records in [start, end), of any stream.

        Raises
        ------
        LakeDamagedError
            For the first that is not the file that was written.
        """
        for name in self.streams():
            self.table(name).files(start, end)

    @contextmanager
    def checked_meanwhile(self) -> Iterator[None]:
        """Have files checked while work goes on that reads them, instead of before it.

        At the end all of them are checked. Whoever uses it must let nothing out before.

        Raises
        ------
        LakeDamagedError
            At the end, for a file that is not the one that was written.
        """
        with self._file_checks().meanwhile():
            yield

    def glance(self) -> None:
        """Find what is missing, cut or empty, without reading any file; raises as `check_whole` does."""
        for name in self.streams():
            self.table(name).glance()
        self.check_whole(self.archived(SYSTEM))

    def check_whole(self, end: int) -> None:
        """Hold the number of records before `end`, which is archived, against `end`: every offset has one record.

        No file is opened, as long as there are as many as there should be.

        Raises
        ------
        LakeDamagedError
            If records are missing, or are there twice; it says which.
        """
        from eventlog.lake.wholeness import check_whole

        check_whole(self.place, [self.table(name) for name in self.streams()], end)

    def damages(self, end: int) -> Iterator[LakeDamagedError]:
        """Whatever is wrong with the records before `end`, which is archived: every file is checked."""
        found = 0
        for name in self.streams():
            try:
                for _, damage in self.table(name).damages(end):
                    found += 1
                    yield damage
            except LakeDamagedError as error:  # its commits cannot be read
                found += 1
                yield error
        if not found:  # else it would be told twice
            try:
                self.check_whole(end)
            except LakeDamagedError as error:
                yield error

    def log_ids(self) -> dict[str, str]:
        """By stream, the log that the newest commit of its table tells; without those of an earlier release."""
        told = {name: self.table(name).log_id() for name in self.streams()}
        return {name: log_id for name, log_id in told.items() if log_id is not None}

    def table(self, name: str) -> LakeTable:
        """The table of a stream, whether or not it is there: for what mends the lake or cares for it."""
        from eventlog.lake.delta_table import LakeTable  # a service that never reads the lake loads no Delta Lake

        log_id = None if self._log_id is None else self._log_id()
        return LakeTable(f"{self._folder}/{name}", self._file_checks(), log_id)

    def folders(self) -> Sequence[str]:
        """The names of the folders for tables, also of those whose commits are lost."""
        return self.blobs.store.folders(self._folder)

    def _exists(self, name: str) -> bool:
        return has_commits(self.blobs.store, f"{self._folder}/{name}")

    def _file_checks(self) -> FileChecks:
        from eventlog.lake.file_checks import FileChecks  # it loads Arrow

        if self._checks is None:
            self._checks = FileChecks(self.blobs)
        return self._checks
