"""What no generation that is kept names goes from the store, after a day: blobs and manifests.

Only the holder of the batch lease collects. What it decides to remove it condemns first, in a transaction that checks
the lease (see `eventlog.registry.condemned_blobs`): one that was overtaken before condemns nothing; one that was
overtaken after removes what no run names any more. What a run has put and not yet published is younger than a day, or
its own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import islice

from batch.errors import GenerationError
from batch.manifest import blobs_of, name_of, read
from eventlog.decisions import Publication
from eventlog.registry.condemned_blobs import CondemnedBlobs
from eventlog.registry.leases import Lease
from eventlog.store import Store
from eventlog.store.errors import StoreMissingError
from eventlog.store.store import BLOBS, GENERATIONS

DAY_US = 86_400_000_000
_TOGETHER = 1_000
"""Names that are condemned in one transaction: nobody can append meanwhile."""


def collect(
    store: Store, kept: Collection[Publication], now: int, condemned: CondemnedBlobs, lease: Lease, age_us: int = DAY_US
) -> int:
    """Remove what is older than `age_us` and what none of the generations that are kept names; returns how many names.

    Parameters
    ----------
    kept
        What announced the generations. Nothing is removed while one of their manifests cannot be read: nobody knows
        what it names.
    now
        By the clock of the store, in microseconds.

    Raises
    ------
    LeaseLostError
        If another run took over.
    StoreUnavailableError
        If the store cannot be asked, or nothing removed from it, now. What is left goes next time.
    """
    removed = 0
    for names in condemned_lots(store, kept, now - age_us, condemned, lease):
        store.remove(names)
        removed += len(names)
    return removed


def condemned_lots(
    store: Store, kept: Collection[Publication], before: int, condemned: CondemnedBlobs, lease: Lease
) -> Iterator[list[str]]:
    """Names to remove, some at a time, each after it was condemned; parameters and errors as of `collect`."""
    named = _named(store, kept)
    if named is None:
        return
    unnamed = (
        found.name
        for folder in (BLOBS, GENERATIONS)
        for found in store.list(folder)
        if found.modified < before and found.name not in named
    )
    while names := list(islice(unnamed, _TOGETHER)):
        condemned.condemn(names, lease)
        yield names


def _named(store: Store, kept: Collection[Publication]) -> set[str] | None:
    """The names of manifests and of what they name; None: one cannot be read."""
    named: set[str] = set()
    for publication in kept:
        name = name_of(publication)
        try:
            manifest = read(publication, store.read(name))
        except (GenerationError, StoreMissingError):
            return None
        named.add(name)
        named.update(blob.name for blob in blobs_of(manifest))
    return named
