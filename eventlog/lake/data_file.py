"""A data file of the lake: what its table says of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eventlog.lake.file_name import FileName
from eventlog.store.blobs import Blob

END = 2**63 - 1


@dataclass(frozen=True, slots=True, order=True)
class DataFile:
    """What a table says of one of its files.

    Attributes
    ----------
    first, end
        The offset of its first record, and the one just after that of its last: between them may be records of other
        streams.
    name
        What it is called in the store; its folder bears the name of the stream.
    records
        How many it holds; None: nothing says.
    bytes
        How long it is.
    sha256
        Its digest; None: an earlier release wrote it, which kept none.
    """

    first: int
    end: int
    name: str
    records: int | None
    bytes: int
    sha256: str | None

    @classmethod
    def of(cls, folder: str, added: Mapping[str, Any]) -> DataFile:
        """From what Delta Lake tells of a file that was added, flattened."""
        path, size = added["path"], added["size_bytes"]
        name = FileName.of(path)
        if name is not None:
            return cls.named(folder, name, size)
        least, most = added.get("min._offset"), added.get("max._offset")
        if least is None or most is None:  # no bounds: it may hold anything
            least, most = 0, END - 1
        return cls(least, most + 1, f"{folder}/{path}", added.get("num_records"), size, None)

    @classmethod
    def named(cls, folder: str, name: FileName, size: int) -> DataFile:
        """One whose name says everything but its length."""
        return cls(name.first, name.end, f"{folder}/{name}", name.records, size, name.sha256)

    @property
    def file_name(self) -> str:
        """What it is called in its folder."""
        return self.name.rpartition("/")[2]

    @property
    def stream(self) -> str:
        """Whose records it holds."""
        return self.name.split("/")[-2]

    @property
    def blob(self) -> Blob:
        """What it is in the store; only for one that has a digest."""
        assert self.sha256 is not None
        return Blob(self.sha256, self.bytes, self.name)

    def overlaps(self, start: int, end: int) -> bool:
        """Whether it may hold records with offsets in [start, end)."""
        return self.first < end and self.end > start
