"""Gives the data files of an earlier release, which kept no digests, names that tell theirs: once, when first met."""

from __future__ import annotations

import hashlib
import os
import shutil
from contextlib import suppress
from pathlib import Path
from time import time

import pyarrow as pa
import pyarrow.parquet as pq

from eventlog.lake.data_file import DataFile
from eventlog.lake.delta_table import LakeTable
from eventlog.lake.file_name import FileName
from eventlog.lake.lake import Lake

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
        table = LakeTable(lake.root / name)
        old = [file for file in table.data_files() if file.sha256 is None]
        if old:
            table.rename([(file, _named(file)) for file in old])
            given += len(old)
    return given


def remove_old_names(lake: Lake) -> None:
    """Remove data files under names of an earlier release that no table has any more, a day later."""
    for name in lake.streams():
        known = {file.path for file in LakeTable(lake.root / name).data_files()}
        for path in (lake.root / name).glob("*.parquet"):
            if FileName.of(path.name) is None and path not in known:
                with suppress(OSError):
                    if time() - path.stat().st_ctime > _KEPT_SECONDS:
                        path.unlink()


def _named(file: DataFile) -> DataFile:
    """The same content under a name that tells its digest."""
    file.check()
    offsets: list[pa.Array] = []
    try:
        with pq.ParquetFile(file.path) as content:
            offsets.extend(batch["_offset"] for batch in content.iter_batches())
        with file.path.open("rb") as raw:
            sha256 = hashlib.file_digest(raw, "sha256").hexdigest()
        held = pa.concat_arrays(offsets).sort()
        name = FileName(held[0].as_py(), held[-1].as_py() + 1, len(held), sha256)
        path = file.path.with_name(str(name))
        _link(file.path, path)
    except (OSError, pa.ArrowException) as error:
        raise file.damaged(f"cannot be read ({error})") from error
    return DataFile(name.first, name.end, path, name.records, file.bytes, sha256)


def _link(source: Path, target: Path) -> None:
    if target.exists():  # a run that was killed made it
        return
    try:
        os.link(source, target)
    except OSError:  # a file system without links
        beside = target.with_name(f".{os.getpid()}.part")
        shutil.copy2(source, beside)
        beside.rename(target)
