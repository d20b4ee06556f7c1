"""Whether the lake holds every record once: each offset of the log is in one file of one table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from eventlog.errors import LakeDamagedError

if TYPE_CHECKING:
    from eventlog.lake.delta_table import LakeTable

_PIECE_RECORDS = 5_000_000
"""Of so many offsets at a time it is looked which are there."""


def check_whole(place: Path | str, tables: Sequence[LakeTable], end: int) -> None:
    """See `Lake.check_whole`."""
    if sum(table.count(end) for table in tables) == end:
        return
    for table in tables:
        table.files(0, end)  # a file that is damaged tells more than what is missing with it
    found = list(gaps(tables, end))
    if found:
        missing = sum(stop - start for start, stop in found)
        raise LakeDamagedError(place, f"lacks {missing:,} records that were archived", None, *found[0])
    raise LakeDamagedError(place, "holds records twice", None, 0, end)


def gaps(tables: Sequence[LakeTable], end: int) -> Iterator[tuple[int, int]]:
    """The ranges of offsets before `end` that no table has."""
    for start in range(0, end, _PIECE_RECORDS):
        stop = min(start + _PIECE_RECORDS, end)
        held = pa.concat_arrays([offsets for table in tables for offsets in table.offsets(start, stop)] or [_NONE])
        bounded = pa.concat_arrays([pa.array([start - 1]), held.sort(), pa.array([stop])])
        steps = pc.pairwise_diff(bounded, 1)
        for place in pc.indices_nonzero(pc.greater(steps, 1)).to_pylist():
            yield bounded[place - 1].as_py() + 1, bounded[place].as_py()


_NONE = pa.array([], pa.int64())
