"""Checkpoints in the store, from which a home without any goes on: a second machine, or one whose disk was lost.

Where several homes have one store and one key, each puts its newest checkpoint there now and then. What a model has
learnt is nowhere else but in checkpoints: a home that began at a generation would have its models begin anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from eventlog.registry.replicas import Need
from eventlog.store.blobs import digest_of
from eventlog.store.errors import StoreMissingError
from eventlog.store.store import Store

FOLDER = "checkpoints"
KEPT = 2
_NAME = re.compile(FOLDER + r"/(\d{20})-(\d+)-[0-9a-f]{64}\.checkpoint")


class SharedCheckpoints:
    """The checkpoints in a store. They are held against the key of the homes when they are loaded, as any other.

    Their names tell the cut, the generation (0: none) and the sha256. So two homes never mean two contents by one name,
    and what they need is known without reading them.
    """

    def __init__(self, store: Store):
        self._store = store

    def put(self, path: Path, need: Need) -> None:
        """Put a checkpoint, a file that nobody changes; then remove all but this and the newest of the others.

        Raises
        ------
        StoreUnavailableError
            If it cannot be put now.
        """
        name = f"{FOLDER}/{need.cut:020d}-{need.generation or 0}-{digest_of(path)[0]}.checkpoint"
        self._store.create(name, path)
        others = [found.string for found in self._newest_first() if found.string != name]
        self._store.remove(others[KEPT - 1 :])

    def needs(self) -> list[Need]:
        """What it takes to go on from each of them."""
        return [Need(int(found[1]), int(found[2]) or None) for found in self._newest_first()]

    def fetched(self, folder: Path) -> Iterator[Path]:
        """The checkpoints, newest first, each as a file of a folder once it is asked for.

        Raises
        ------
        StoreUnavailableError
            If the store cannot be asked now: whether there are any is not known.
        """
        for found in self._newest_first():
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / f"{found[1]}.checkpoint"
            beside = path.with_suffix(".part")
            try:
                self._store.download(found.string, beside)
            except StoreMissingError:  # another home has put newer ones meanwhile
                continue
            beside.replace(path)
            yield path

    def _newest_first(self) -> list[re.Match[str]]:
        named = (_NAME.fullmatch(listed.name) for listed in self._store.list(FOLDER))
        return sorted((found for found in named if found is not None), key=lambda found: found.string, reverse=True)
