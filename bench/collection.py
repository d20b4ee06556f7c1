"""The collection of a batch run: a store with 10,000 blobs, half of which a kept generation names."""

from __future__ import annotations

import os
import time
from pathlib import Path

from anabranch import Cut
from batch.collection import collect
from batch.manifest import name_of, written
from bench.report import Figure, at_most
from eventlog.decisions import Publication
from eventlog.registry.condemned_blobs import CondemnedBlobs
from eventlog.registry.database import Database
from eventlog.registry.leases import Leases
from eventlog.store.blobs import Blobs
from eventlog.store.folder_store import FolderStore

BLOBS = 10_000


def run(home: Path) -> list[Figure]:
    store = FolderStore(home)
    entries = _put(Blobs(store, home / "cache"), home / "made")
    raw, sha256 = written({"generation": 1, "cut": "0:0", "run": "r", "views": {}, "models": {"m": entries[::2]}})
    kept = Publication(1, Cut((0,)), sha256, "r")
    store.create(name_of(kept), raw)
    now = time.time_ns() // 1_000
    database = Database(f"sqlite:///{home}/log.db")
    lease = Leases(database).acquire("batch", "bench:1:1", 600)
    assert lease is not None
    seconds = []
    for _ in range(2):
        begun = time.perf_counter()
        removed = collect(store, [kept], now, CondemnedBlobs(database), lease)
        seconds.append(time.perf_counter() - begun)
        assert removed == (0 if len(seconds) > 1 else BLOBS // 2)
    database.close()
    note = "half of them removed"
    return [
        at_most(f"collection with {BLOBS:,} blobs", seconds[0], "s", 5.0, note),
        Figure("… with nothing to remove", seconds[1], "s"),
    ]


def _put(blobs: Blobs, made: Path) -> list[dict[str, object]]:
    """Put so many small blobs of the day before yesterday."""
    entries = []
    for number in range(BLOBS):
        made.write_text(str(number))
        os.utime(made, (1, 1))
        entries.append(blobs.put(made, durable=False).entry())
        made.unlink()
    return entries
