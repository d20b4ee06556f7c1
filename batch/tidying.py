"""What a run drops once it has published: records, generations and files that nobody needs any more.

Nothing of it can make the run fail: what could not be dropped is told, and the next run drops it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from anabranch import App, Cut
from anabranch.instant import iso
from batch.archive import trim
from batch.collection import collect
from batch.generations import KEPT_GENERATIONS, Generations
from batch.lease_keeper import LeaseKeeper
from batch.manifest import name_of
from eventlog.clock import Clock
from eventlog.decisions import Publication, placed_publications
from eventlog.lake import Lake
from eventlog.lake.compaction import compact, remove_merged
from eventlog.lake.digests import remove_old_names
from eventlog.log import Log
from eventlog.registry.condemned_blobs import CondemnedBlobs
from eventlog.registry.replicas import Replicas

MERGED_KEPT_US = 86_400_000_000
"""For how long files of the lake stay after they were merged into others."""


@dataclass(frozen=True, slots=True)
class Tidying:
    """The last stage of a run, under its lease.

    Attributes
    ----------
    app
        Whose streams the lake has.
    replicas
        Who folds the log: what they need stays. None: nobody does.
    keeper
        Of the batch lease: whoever lost it drops nothing more.
    problem
        Told of what could not be dropped.
    """

    app: App
    log: Log
    lake: Lake
    generations: Generations
    replicas: Replicas | None
    condemned: CondemnedBlobs
    keeper: LeaseKeeper
    clock: Clock
    problem: Callable[[str], None]

    def run(self, cut: Cut, known: Sequence[Publication], retention_us: int) -> None:
        """Drop what is no longer needed.

        Parameters
        ----------
        cut
            That of the run: everything before it is archived.
        known
            The publications before that of the run, the newest first.
        retention_us
            How long archived records stay in the hot log, by append time.
        """
        try:
            self.keeper.check()
            trim(self.log, self.lake, cut, self.clock() - retention_us)
        except Exception as error:
            self.problem(f"old records could not be dropped from the hot log: {error}")
        try:
            remove_old_names(self.lake)
            self._collect()
        except Exception as error:
            self.problem(f"what no generation needs could not be dropped: {error}")
        try:
            self._compact(known)
        except Exception as error:
            self.problem(f"small files of the lake could not be merged: {error}")

    def _collect(self) -> None:
        """Drop what neither the newest generations need nor a service that has yet to come as far."""
        placed = placed_publications(self.log)
        kept = [*(publication for _, publication in placed[:KEPT_GENERATIONS]), *self._needed_by_replicas(placed)]
        store = self.generations.blobs.store
        mine = store.stat(name_of(placed[0][1]))  # written just now, by the clock of the store
        if mine is not None:
            collect(store, kept, mine.modified, self.condemned, self.keeper.lease)

    def _needed_by_replicas(self, placed: Sequence[tuple[int, Publication]]) -> list[Publication]:
        """The generations without which some service could not come back as it was."""
        if self.replicas is None:
            return []
        for replica in self.replicas.drop_silent(self.keeper.lease):
            since = iso(replica.updated)
            self.problem(
                f"the replica {replica.id} ({replica.holder or 'of an earlier release'}) was not heard of since {since}"
                " and is forgotten; should it come back, its models may begin anew"
            )
        # what is gone already keeps nothing: a replica that comes back without it says so
        return self.generations.stored(self.replicas.needed(placed))

    def _compact(self, known: Sequence[Publication]) -> None:
        """Merge small files of the lake, and remove those that were merged a day ago.

        Whoever reads files of the lake for longer, as snapshots for analysts do, looks which there are after every
        publication. So what was merged before the last one is read by nobody.
        """
        last = self.lake.blobs.store.stat(name_of(known[0])) if known else None
        if last is not None:
            remove_merged(self.lake, min(last.modified, self.clock() - MERGED_KEPT_US))
        compact(self.lake, self.app.streams, self.keeper.check)
