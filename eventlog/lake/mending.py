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

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import Schema

from anabranch import Stream
from eventlog.errors import LakeDamagedError
from eventlog.lake.columns import schema_of
from eventlog.lake.commits import has_commits
from eventlog.lake.data_file import DataFile
from eventlog.lake.delta_table import LakeTable
from eventlog.lake.file_name import FileName
from eventlog.lake.lake import Lake
from eventlog.lake.wholeness import gaps
from eventlog.log.segment import Segment

HotRecords = Callable[[int, int], Iterable[Segment]]
"""Reads the records of [start, end) from the hot log."""


def mend_commits(lake: Lake, streams: Mapping[str, Stream]) -> Iterator[str]:
    """Make commits anew where they are lost or cannot be read; yields a sentence for each table. See `mend_records`."""
    for folder in sorted(path for path in lake.root.glob("*") if path.is_dir()):
        table = LakeTable(folder)
        files = list(_cover(_found(folder)))
        if files and _lacks_some(table, files):
            table.create_anew(_schema(files, streams.get(table.name)), files)
            yield f"the commits of stream {table.name!r} were made anew, of the {len(files):,} data files in {folder}"


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
        table = LakeTable(lake.root / name)
        for damage in list(table.damages(end)):
            if damage.start < begin:
                raise damage
            segments = hot(damage.start, damage.end)
            table.replace(streams.get(name), segments, damage.path, damage.start, damage.end)
            yield f"{damage.path} was written anew from the hot log"
    for start, stop in list(gaps([LakeTable(lake.root / name) for name in lake.streams()], end)):
        if start >= begin:
            for name in sorted({segment.stream for segment in hot(start, stop)}):
                LakeTable(lake.root / name).replace(streams.get(name), hot(start, stop), None, start, stop)
            yield f"the records from 0:{start} to before 0:{stop} were archived again from the hot log"


def _lacks_some(table: LakeTable, files: Iterable[DataFile]) -> bool:
    """Whether the commits of a table are lost, or tell of fewer records than its files hold."""
    if not has_commits(table.path):
        return True
    try:
        known = table.data_files()
        table.archived()
    except LakeDamagedError:
        return True
    return sum(file.records or 0 for file in files) > table.count() and {f.path for f in known} < {
        f.path for f in files
    }


def _found(folder: Path) -> Iterator[DataFile]:
    """The sound data files in a folder, in a table or not."""
    for path in folder.glob("*.parquet"):
        try:
            file = _described(path)
            file.check()
        except (LakeDamagedError, pa.ArrowException, OSError):  # found again as damaged, if the table has it
            continue
        yield file


def _described(path: Path) -> DataFile:
    """What is known of a data file without a table: by its name or, of an earlier release, by what it holds."""
    name, size = FileName.of(path.name), path.stat().st_size
    if name is not None:
        return DataFile(name.first, name.end, path, name.records, size, name.sha256)
    offsets = pq.read_table(path, columns=["_offset"])["_offset"].sort()
    return DataFile(offsets[0].as_py(), offsets[-1].as_py() + 1, path, len(offsets), size, None)


def _cover(files: Iterable[DataFile]) -> Iterator[DataFile]:
    """Files that hold every record once. Those of runs that were killed may hold the same as those of later runs."""
    reached = 0
    for file in sorted(files, key=lambda file: (file.first, -file.end, file.sha256 is None)):
        if file.first >= reached:
            yield file
            reached = file.end


def _schema(files: Iterable[DataFile], stream: Stream | None) -> Schema:
    """The columns that any file or the stream has."""
    known = [pq.read_schema(file.path).remove_metadata() for file in files]
    return Schema.from_arrow(pa.unify_schemas([*known, schema_of(stream)], promote_options="permissive"))
