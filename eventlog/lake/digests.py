"""Gives the data files of an earlier release, which kept no digests, names that tell theirs: once, when first met."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path
from time import time

import pyarrow as pa
import pyarrow.parquet as pq

from eventlog.errors import LakeDamagedError
from eventlog.lake.data_file import DataFile
from eventlog.lake.data_file_writer import add_action
from eventlog.lake.delta_table import LakeTable
from eventlog.lake.file_name import FileName
from eventlog.lake.lake import Lake
from eventlog.store.blobs import digest_of

_KEPT_SECONDS = 86_400.0
"""A snapshot for analysts may read a file under its old name until the next generation is published."""


def give_digests(lake: Lake) -> int:
    """Give every file a digest; returns how many had none. Only for the holder of the batch lease.

    Such a file is read from end to end first, and its records are counted: what can be said against it is said now.
    The content has two names afterwards, in one place on the disk; `remove_old_names` takes the old one away.

    Raises
    ------
    LakeDamagedError
        If a file cannot be read, or does not hold as many records as were written.
    """
    given = 0
    for name in lake.streams():
        table = lake.table(name)
        old = [file for file in table.data_files() if file.sha256 is None]
        if old:
            table.exchange(old, [add_action(_named(table, file), data_change=False) for file in old])
            given += len(old)
    return given


def remove_old_names(lake: Lake) -> None:
    """Remove data files under names of an earlier release that no table has any more, a day later.

    They are in folders only: a bucket was never written to by it.
    """
    for name in lake.streams() if isinstance(lake.place, Path) else ():
        known = {file.file_name for file in lake.table(name).data_files()}
        for path in (lake.root / name).glob("*.parquet"):
            if FileName.of(path.name) is None and path.name not in known:
                with suppress(OSError):
                    if time() - path.stat().st_ctime > _KEPT_SECONDS:
                        path.unlink()


def _named(table: LakeTable, file: DataFile) -> DataFile:
    """The same content under a name that tells its digest."""
    (place,) = table.local([file])
    offsets: list[pa.Array] = []
    try:
        with pq.ParquetFile(place) as content:
            offsets.extend(batch["_offset"] for batch in content.iter_batches())
        sha256, size = digest_of(place)
        held = pa.concat_arrays(offsets).sort()
        name = FileName(held[0].as_py(), held[-1].as_py() + 1, len(held), sha256)
        _link(place, place.with_name(str(name)))
    except (OSError, pa.ArrowException) as error:
        raise LakeDamagedError(place, f"cannot be read ({error})", file.stream, file.first, file.end) from error
    return DataFile.named(table.folder, name, size)


def _link(source: Path, target: Path) -> None:
    if target.exists():  # a run that was killed made it
        return
    try:
        os.link(source, target)
    except OSError:  # a file system without links
        beside = target.with_name(f".{os.getpid()}.part")
        shutil.copy2(source, beside)
        beside.rename(target)
