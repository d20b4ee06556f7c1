"""What of the lake a snapshot reads: the very files that Delta Lake has at one moment."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping

from anabranch import SYSTEM, Stream
from eventlog.lake import Lake
from eventlog.lake.typed_columns import untold_columns
from eventlog.store.blobs import Blob

_END = 2**63 - 1


class LakeFiles:
    """The files of some streams in the lake.

    Parameters
    ----------
    streams
        By name; None: a stream without a definition.
    read
        Those whose records somebody may look at: their files are checked, every byte once, and are on this machine, in
        the cache where the store is a bucket. None: all, for as long as `HOME/analytics.duckdb` names them.

    Attributes
    ----------
    archived
        Records before this offset are in the files, of every stream: the system's stream is archived last.
    files
        The files of every stream that has some; they may hold records from `archived` on, too.
    untold
        By file, the fields of its stream that it does not tell; files that tell all are left out.
    """

    def __init__(self, lake: Lake, streams: Mapping[str, Stream | None], read: Collection[str] | None = None):
        self._lake = lake
        self._read = streams.keys() if read is None else read
        self._in_folder = lake.blobs.store.path("") is not None
        # what the service writes is named by analytics.duckdb, which outlives it; a command's snapshot goes with it
        self._owner = "analytics" if read is None else f"sql-{os.getpid()}"
        self._pinned: list[Blob] = []
        self._streams = streams
        self.archived = 0
        self.files: dict[str, list[str]] = {}
        self.untold: dict[str, frozenset[str]] = {}
        self._seen: dict[str, frozenset[str]] = {}  # files never change, so each is opened once
        self.look()

    def look(self) -> None:
        """Look again.

        Raises
        ------
        LakeDamagedError
            If the lake does not hold what was archived.
        """
        self.archived = self._lake.archived(SYSTEM)
        self._lake.check_whole(self.archived)
        # what nobody reads is named where it lies, and not fetched from elsewhere
        named = [stream for stream in self._streams if self._in_folder or stream in self._read]
        if not self._in_folder:
            self._pin(named)
        found = {stream: self._lake.files(stream, 0, _END, check=stream in self._read) for stream in named}
        self.files = {stream: files for stream, files in found.items() if files}
        self._seen = {path: self._untold(stream, path) for stream, files in self.files.items() for path in files}
        self.untold = {path: fields for path, fields in self._seen.items() if fields}

    def _pin(self, streams: Collection[str]) -> None:
        """Have the files of streams stay in the cache, before they are fetched: they may be more than it keeps.

        With them those of the look before, which is read for some minutes more.
        """
        tables = [self._lake.table(name) for name in self._lake.streams() if name in streams]
        wanted = [file.blob for table in tables for file in table.data_files() if file.sha256 is not None]
        self._lake.blobs.pin(self._owner, [*self._pinned, *wanted], lasting=self._owner == "analytics")
        self._pinned = wanted

    def _untold(self, name: str, path: str) -> frozenset[str]:
        stream = self._streams[name]
        if stream is None:
            return frozenset()
        return self._seen[path] if path in self._seen else untold_columns(path, stream.fields)
