"""Writes one data file of the lake: beside its place until it is whole, then under its own name, durably."""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import time
from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake.transaction import AddAction

from anabranch.instant import iso
from eventlog.lake.data_file import DataFile
from eventlog.lake.file_name import FileName
from eventlog.store import Store
from eventlog.store.blobs import Blob, Blobs
from eventlog.store.errors import BlobDamagedError

ROW_GROUP_RECORDS = 122_880
"""What DuckDB reads at a time."""
_ROW_GROUP_BYTES = 256_000_000
"""What is in memory of a row group at most, beside its last batch."""
_UNFINISHED = ".part"
_UNFINISHED_SECONDS = 86_400.0
"""What is older than this was left by a process that was killed; none takes so long for a file."""


@dataclass(frozen=True, slots=True)
class Written:
    """A file that is in the store, and in no table yet.

    Attributes
    ----------
    times
        The least and the greatest event time, in microseconds.
    """

    file: DataFile
    times: tuple[int, int]

    def add_action(self, *, data_change: bool = True) -> AddAction:
        """What a commit says of it."""
        return add_action(self.file, self.times, data_change=data_change)


def add_action(file: DataFile, times: tuple[int, int] | None = None, *, data_change: bool = True) -> AddAction:
    """What a commit says of a file. We ask its name for everything; the bounds are for other engines."""
    earliest, latest = ({}, {}) if times is None else ({"_time": iso(moment)} for moment in times)
    statistics = {
        "numRecords": file.records,
        "minValues": {"_offset": file.first, **earliest},
        "maxValues": {"_offset": file.end - 1, **latest},
        "nullCount": {"_offset": 0, "_time": 0},
    }
    return AddAction(file.file_name, file.bytes, {}, int(time() * 1000), data_change, json.dumps(statistics))


def write_data_file(blobs: Blobs, folder: str, batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Written | None:
    """Put records in offset order as a file into a table's folder; None: there are none. A failure leaves nothing.

    Raises
    ------
    OSError, StoreUnavailableError
        If it cannot be written.
    """
    with _scratch(blobs.store, folder) as scratch:
        unfinished = scratch / f".{os.getpid()}-{uuid4().hex}{_UNFINISHED}"
        try:
            with unfinished.open("wb") as file:
                written = _write(file, folder, batches, schema)
            if written is not None:
                _put(blobs, written.file.blob, unfinished)
            return written
        finally:
            unfinished.unlink(missing_ok=True)


def _write(
    file: io.BufferedWriter, folder: str, batches: Iterable[pa.RecordBatch], schema: pa.Schema
) -> Written | None:
    first = end = records = 0
    times: list[int] = []
    hashed = _Hashed(file)
    with pq.ParquetWriter(hashed, schema, compression="zstd") as writer:
        for table in _groups(batches, schema):
            offsets, span = table["_offset"], pc.min_max(table["_time"].cast(pa.int64()))
            first = first if records else offsets[0].as_py()
            end = offsets[-1].as_py() + 1
            records += table.num_rows
            times += [span["min"].as_py(), span["max"].as_py()]
            writer.write_table(table, ROW_GROUP_RECORDS)
    if not records:
        return None
    name = FileName(first, end, records, hashed.digest.hexdigest())
    return Written(DataFile.named(folder, name, hashed.size), (min(times), max(times)))


def _put(blobs: Blobs, blob: Blob, file: Path) -> None:
    """Give a file its name in the store. What a killed run left there, or a disk made of it, is held against it."""
    if blobs.store.create(blob.name, file):
        return
    try:
        blobs.fetch(blob)
    except BlobDamagedError:
        blobs.store.remove([blob.name])
        blobs.store.create(blob.name, file)


@contextmanager
def _scratch(store: Store, folder: str) -> Iterator[Path]:
    """A folder to write in: of a store on a disk the table's own, from which a file gets its name by a link."""
    path = store.path(folder)
    if path is None:
        with TemporaryDirectory(prefix="anabranch-lake-") as made:
            yield Path(made)
    else:
        path.mkdir(parents=True, exist_ok=True)
        yield path


def remove_unfinished(store: Store, folder: str) -> None:
    """Remove what processes that were killed left of files, a day later: another may be at work."""
    own = store.path(folder)
    for path in () if own is None else own.glob(f"*{_UNFINISHED}"):
        with suppress(OSError):
            if time() - path.stat().st_mtime > _UNFINISHED_SECONDS:
                path.unlink()


class _Hashed(io.RawIOBase):
    """A file that is written, and hashed on the way: what a disk makes of it later cannot change the digest."""

    def __init__(self, file: io.BufferedWriter):
        self._file = file
        self.digest = hashlib.sha256()
        self.size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]  # Arrow hands over bytes
        self.digest.update(data)
        self._file.write(data)
        self.size += len(data)
        return len(data)


def _groups(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.Table]:
    """The same rows as tables of as many as a row group has; the last has fewer, and one of large events."""
    waiting: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in batches:
        rest = batch
        while rows + rest.num_rows >= ROW_GROUP_RECORDS:
            fits = ROW_GROUP_RECORDS - rows
            yield pa.Table.from_batches([*waiting, rest.slice(0, fits)], schema)
            rest, waiting, rows, size = rest.slice(fits), [], 0, 0
        if rest.num_rows:
            waiting.append(rest)
            rows += rest.num_rows
            size += rest.nbytes
        if size >= _ROW_GROUP_BYTES:
            yield pa.Table.from_batches(waiting, schema)
            waiting, rows, size = [], 0, 0
    if waiting:
        yield pa.Table.from_batches(waiting, schema)
