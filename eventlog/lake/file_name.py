"""The name of a data file, which says what it holds and its sha256; looked at without Arrow, which loads long.

The name stands in the commit of Delta Lake, and in the checkpoints that replace commits. So what is known of a file
lies where the file cannot change it, and outlives the commit; whoever has the path can check the content.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_NAME = re.compile(r"(\d{20})-(\d{20})-(\d+)-([0-9a-f]{64})\.parquet")


class FileName(NamedTuple):
    """What a name says.

    Attributes
    ----------
    first, end
        The offset of the first record, and the one just after that of the last.
    records
        How many there are.
    sha256
        Of the whole file.

    >>> str(FileName(7, 9, 2, 64 * "a"))[:44]
    '00000000000000000007-00000000000000000009-2-'
    >>> FileName.of(str(FileName(7, 9, 2, 64 * "a"))).end
    9
    """

    first: int
    end: int
    records: int
    sha256: str

    @classmethod
    def of(cls, name: str) -> FileName | None:
        """Read a name; None: an earlier release gave it, which told nothing."""
        found = _NAME.fullmatch(name)
        return None if found is None else cls(int(found[1]), int(found[2]), int(found[3]), found[4])

    def __str__(self) -> str:
        """The name."""
        return f"{self.first:020d}-{self.end:020d}-{self.records}-{self.sha256}.parquet"


def ends_by_file(lake: Path) -> Iterator[tuple[int, Path]]:
    """(offset just after its last record, path) of every data file in a lake, in a table or not."""
    for path in lake.glob("*/*.parquet"):
        name = FileName.of(path.name)
        if name is not None:
            yield name.end, path
