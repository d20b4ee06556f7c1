"""What of the lake a snapshot reads: the very files that Delta Lake has at one moment."""

from __future__ import annotations

from collections.abc import Sequence

from anabranch import SYSTEM
from eventlog.lake import Lake

_END = 2**63 - 1


class LakeFiles:
    """The files of some streams in the lake.

    Attributes
    ----------
    archived
        Records before this offset are in the files, of every stream: the system's stream is archived last.
    files
        The files of every stream that has some; they may hold records from `archived` on, too.
    """

    def __init__(self, lake: Lake, streams: Sequence[str]):
        self._lake = lake
        self._streams = streams
        self.archived = 0
        self.files: dict[str, list[str]] = {}
        self.look()

    def look(self) -> None:
        """Look again."""
        self.archived = self._lake.archived(SYSTEM)
        found = {stream: self._lake.files(stream, 0, _END) for stream in self._streams}
        self.files = {stream: files for stream, files in found.items() if files}
