"""Brings back what a lake lacks: from data files that lie there without a commit, and from the hot log.

========================================  =====================================================================
what is damaged                           what it is made of again
========================================  =====================================================================
commits that cannot be read, or are lost  the names of the data files, which say what they hold; all are checked
a data file that is altered or missing    the hot log, as far as it reaches back
records that no data file has             the same
========================================  =====================================================================

Killed in the middle, it goes on when it is asked again: a table whose commits were put aside is made of its files.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import Schema

from anabranch import Stream
from eventlog.errors import LakeDamagedError
from eventlog.lake.columns import schema_of
from eventlog.lake.data_file import DataFile
from eventlog.lake.lake import Lake
from eventlog.lake.wholeness import gaps
from eventlog.log.segment import Segment

if TYPE_CHECKING:
    from eventlog.lake.delta_table import LakeTable

HotRecords = Callable[[int, int], Iterable[Segment]]
"""Reads the records of [start, end) from the hot log."""


def mend_commits(lake: Lake, streams: Mapping[str, Stream]) -> Iterator[str]:
    """Make commits anew where they are lost or cannot be read; yields a sentence for each table. See `mend_records`."""
    for name in lake.folders():
        table = lake.table(name)
        files = list(_cover(table.found()))
        if files and _lacks_some(table, files):
            table.create_anew(_schema(table.local(files), streams.get(name)), files)
            yield f"the commits of stream {name!r} were made anew, of the {len(files):,} data files in {table.path}"


def mend_records(lake: Lake, streams: Mapping[str, Stream], hot: HotRecords, begin: int, end: int) -> Iterator[str]:
    """Write anew what is damaged or lacking; yields a sentence for each thing.

    Only for the holder of the batch lease, after `mend_commits`. What is still lacking then is for the check that comes
    after.

    Parameters
    ----------
    streams
        The application's, by name: they have typed columns.
    hot, begin
        The hot log, and where it begins.
    end
        The records before are archived.

    Raises
    ------
    LakeDamagedError
        At the first file that cannot be mended: the hot log has its records no longer.
    """
    for name in lake.streams():
        table = lake.table(name)
        for file, damage in list(table.damages(end)):
            if damage.start < begin:
                raise damage
            segments = hot(damage.start, damage.end)
            table.replace(streams.get(name), segments, file, damage.start, damage.end)
            yield f"{damage.path} was written anew from the hot log"
    for start, stop in list(gaps([lake.table(name) for name in lake.streams()], end)):
        if start >= begin:
            for name in sorted({segment.stream for segment in hot(start, stop)}):
                lake.table(name).replace(streams.get(name), hot(start, stop), None, start, stop)
            yield f"the records from 0:{start} to before 0:{stop} were archived again from the hot log"


def _lacks_some(table: LakeTable, files: Sequence[DataFile]) -> bool:
    """Whether the commits of a table are lost, or tell of fewer records than its files hold."""
    if not table.exists():
        return True
    try:
        known = table.data_files()
        table.archived()
    except LakeDamagedError:
        return True
    return sum(file.records or 0 for file in files) > table.count() and all(_within(file, files) for file in known)


def _within(file: DataFile, files: Iterable[DataFile]) -> bool:
    """Whether others hold all that a file does: it is one of them, or was merged into one."""
    return any(other.first <= file.first and file.end <= other.end for other in files)


def _cover(files: Iterable[DataFile]) -> list[DataFile]:
    """Files that hold every record once, as many records as can be, in as few files.

    Those of runs that were killed may hold the same as those of later runs, and one that several were merged into the
    same as all of them.
    """
    known = sorted(files, key=lambda file: (file.end, file.sha256 is None))
    ends = [file.end for file in known]
    # of the first n files, by where they end: how many records can be had of them, in how few files, and which
    best: list[tuple[int, int, tuple[Any, ...]]] = [(0, 0, ())]
    for number, file in enumerate(known):
        records, fewer, chosen = best[bisect_right(ends, file.first, hi=number)]
        taken = (records + (file.records or 0), fewer - 1, (chosen, file))
        best.append(max(best[number], taken, key=lambda found: found[:2]))
    cover: list[DataFile] = []
    chosen = best[-1][2]
    while chosen:
        chosen, file = chosen
        cover.append(file)
    return cover[::-1]


def _schema(files: Iterable[Path], stream: Stream | None) -> Schema:
    """The columns that any file or the stream has."""
    known = [pq.read_schema(file).remove_metadata() for file in files]
    return Schema.from_arrow(pa.unify_schemas([*known, schema_of(stream)], promote_options="permissive"))
