"""The lake: the permanent master data set, one Delta Lake table a stream.

Records are archived exactly once: the Delta commit that adds them also says, as an application transaction, up to
which offset the table now reaches. A commit is there or it is not; data files without one are never read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from anabranch import Cut, Stream
from eventlog.log.segment import Record, Segment

if TYPE_CHECKING:
    from eventlog.lake.delta_table import LakeTable

_READ_RECORDS = 50_000
"""Opening a table costs more than reading many records: at least so many are read at once."""
_READ_BYTES = 32 * 2**20
"""Of event data in one stream, after which no further file is opened."""


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
            If another process archived the same stream meanwhile; nothing was added.
        """
        name, definition = (stream, None) if isinstance(stream, str) else (stream.name, stream)
        return self._table(name).append(definition, segments, upto, advance)

    # reading

    def archived(self, name: str) -> int:
        """The offset up to which the records of a stream are in the lake."""
        return self._table(name).archived() if self._exists(name) else 0

    def streams(self) -> list[str]:
        """The names of the tables."""
        return sorted(path.parent.name for path in self.root.glob("*/_delta_log"))

    def files(self, name: str, start: int, end: int) -> list[str]:
        """The Parquet files that hold records of a stream with offsets in [start, end), in order."""
        return self._table(name).files(start, end) if self._exists(name) else []

    def read(self, cut: Cut, limit: int = 10_000) -> list[Segment]:
        """Records of all streams from `cut` on, in offset order: `limit` of them or some ten thousands.

        Fewer, if they are large: it reads a file of a stream at a time, until there is enough.
        """
        start = cut.offsets[0]
        end = start + max(limit, _READ_RECORDS)
        found: list[Segment] = []
        for name in self.streams():
            segments, end = self._table(name).read(start, end, _READ_BYTES)
            found += segments
        whole = [segment.head(end) for segment in found if segment.offset < end]
        return sorted(whole, key=lambda segment: segment.offset)

    def read_stream(self, name: str, start: int, end: int) -> Iterator[Segment]:
        """The records of one stream with offsets in [start, end), in order. Few files are in memory at a time."""
        while self._exists(name) and start < end:
            segments, reached = self._table(name).read(start, end, _READ_BYTES)
            yield from segments
            start = reached

    def events(self, name: str, end: int) -> Iterator[tuple[list[int], bytes]]:
        """All events of a stream before `end` as stored, some thousands at a time: their offsets, and a JSON array."""
        if self._exists(name):
            yield from self._table(name).events(end)

    def find(self, name: str, id: str) -> Record | None:  # noqa: A002 (the word of the log)
        """The record of a stream that has this id; None: there is none in the lake."""
        return self._table(name).find(id) if self._exists(name) else None

    def _exists(self, name: str) -> bool:
        return (self.root / name / "_delta_log").is_dir()

    def _table(self, name: str) -> LakeTable:
        from eventlog.lake.delta_table import (
            LakeTable,  # a service that never reads the lake loads neither Delta nor Arrow
        )

        return LakeTable(self.root / name)
