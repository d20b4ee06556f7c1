"""All generations: which are there, which are open."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

from batch.errors import GenerationError
from batch.generation import Generation
from batch.manifest import name_of
from eventlog.decisions import Publication
from eventlog.home_key import HomeKey
from eventlog.store.blobs import Blobs
from eventlog.store.store import GENERATIONS

KEPT_GENERATIONS = 3
"""The newest so many stay: a service may read one, and the next run may build on one before."""


class Generations:
    """The generations of a store. Each is opened, and checked, once. Safe to use from many threads.

    Attributes
    ----------
    blobs
        Where their files are.
    pickles
        As for `Generation.open`.
    """

    def __init__(self, blobs: Blobs, pickles: HomeKey | None = None):
        self.blobs = blobs
        self.pickles = pickles
        self._lock = threading.Lock()
        """Of the dictionary of those that are open; never held while a file is read."""
        self._checking = threading.Lock()
        self._open: dict[tuple[int, str], Generation] = {}

    def get(self, publication: Publication) -> Generation:
        """The generation that a publication announced, opened; raises as `Generation.open` does.

        One that is open is there at once, also while another is checked: that takes seconds for each gigabyte.
        """
        wanted = (publication.generation, publication.manifest_sha256)
        known = self._open.get(wanted)
        if known is not None:
            return known
        with self._checking:
            known = self._open.get(wanted)
            if known is None:
                known = Generation.open(self.blobs, publication, self.pickles)
                with self._lock:
                    self._open[wanted] = known
            return known

    def stored(self, known: Iterable[Publication]) -> list[Publication]:
        """Of some publications, those whose manifests are in the store, in their order."""
        names = {found.name for found in self.blobs.store.list(GENERATIONS)}
        return [publication for publication in known if name_of(publication) in names]

    def base(self, known: Sequence[Publication], problem: Callable[[str], None]) -> Generation | None:
        """The newest that is intact.

        Parameters
        ----------
        known
            All publications, the newest first.
        problem
            Told of every one that is not.
        """
        for publication in known[:KEPT_GENERATIONS]:
            try:
                return self.get(publication)
            except GenerationError as error:
                problem(f"generation {publication.generation} cannot be used: {error}")
        return None

    def peeked(self, known: Sequence[Publication]) -> list[Generation]:
        """Those that may have versions of models to carry, the newest first, without their views."""
        found = []
        for publication in known[:KEPT_GENERATIONS]:
            with suppress(GenerationError):  # told when it was tried as a base
                found.append(Generation.peek(self.blobs, publication))
        return found

    def forget(self, keep: int) -> None:
        """Close every generation older than number `keep`."""
        with self._lock:
            old = [self._open.pop(key) for key in list(self._open) if key[0] < keep]
        for generation in old:
            generation.close()

    def close(self) -> None:
        """Close all of them."""
        with self._lock:
            opened, self._open = self._open, {}
        for generation in opened.values():
            generation.close()
