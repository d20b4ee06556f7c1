"""A data file of the lake: what its table says of it, and whether it is that."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from pyarrow import ArrowException

from eventlog.errors import LakeDamagedError
from eventlog.lake.file_name import FileName

END = 2**63 - 1


@dataclass(frozen=True, slots=True, order=True)
class DataFile:
    """What a table says of one of its files.

    Attributes
    ----------
    first, end
        The offset of its first record, and the one just after that of its last: between them may be records of other
        streams.
    path
        Where it is; its folder bears the name of the stream.
    records
        How many it holds; None: nothing says.
    bytes
        How long it is.
    sha256
        Its digest; None: an earlier release wrote it, which kept none.
    """

    first: int
    end: int
    path: Path
    records: int | None
    bytes: int
    sha256: str | None

    @classmethod
    def of(cls, folder: Path, added: Mapping[str, Any]) -> DataFile:
        """From what Delta Lake tells of a file that was added, flattened."""
        path = folder / added["path"]
        name = FileName.of(path.name)
        if name is not None:
            return cls(name.first, name.end, path, name.records, added["size_bytes"], name.sha256)
        least, most = added.get("min._offset"), added.get("max._offset")
        if least is None or most is None:  # no bounds: it may hold anything
            least, most = 0, END - 1
        return cls(least, most + 1, path, added.get("num_records"), added["size_bytes"], None)

    def overlaps(self, start: int, end: int) -> bool:
        """Whether it may hold records with offsets in [start, end)."""
        return self.first < end and self.end > start

    def check(self) -> None:
        """Hold the file against what is known of it, every byte.

        One of an earlier release has no digest: its length and its count must be what was written down.

        Raises
        ------
        LakeDamagedError
            If it is not the file that was written.
        """
        self.check_size()
        try:
            if self.sha256 is not None:
                with self.path.open("rb") as file:
                    found = hashlib.file_digest(file, "sha256").hexdigest()
                if found != self.sha256:
                    raise self.damaged(f"has the sha256 {found} instead of {self.sha256}")
            else:
                held = pq.read_metadata(self.path).num_rows
                if self.records is not None and held != self.records:
                    raise self.damaged(f"holds {held:,} records instead of {self.records:,}")
        except (OSError, ArrowException) as error:
            raise self.damaged(f"cannot be read ({error})") from error

    def check_size(self) -> None:
        """Hold its length against what is known of it: a glance, which finds what is missing, cut or empty."""
        try:
            size = self.path.stat().st_size
        except FileNotFoundError:
            raise self.damaged("is missing") from None
        except OSError as error:
            raise self.damaged(f"cannot be read ({error})") from error
        if size != self.bytes:
            raise self.damaged(f"has {size:,} bytes instead of {self.bytes:,}")

    def damaged(self, problem: str) -> LakeDamagedError:
        """The error that tells of this file, which `problem`."""
        return LakeDamagedError(self.path, problem, self.path.parent.name, self.first, self.end)
