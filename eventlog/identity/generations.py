"""What the manifests in a store say of the log that they were made of."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import NamedTuple

from anabranch import Cut
from eventlog.store.errors import StoreMissingError
from eventlog.store.store import GENERATIONS, Store


class MadeGeneration(NamedTuple):
    """A generation of which there is a manifest, whether or not it was published.

    Attributes
    ----------
    name
        Of its manifest.
    run, cut
        By which run, and everything before which offset it was made of.
    log
        The id of the log; None: an earlier release made it.
    """

    name: str
    run: str
    cut: int
    log: str | None


def made_generations(store: Store) -> Iterator[MadeGeneration]:
    """All of them, in no order. What cannot be understood is passed over: `batch.generations` tells of it."""
    for listed in store.list(GENERATIONS):
        if listed.name.endswith(".json"):
            try:
                told = json.loads(store.read(listed.name))
                (cut,) = Cut.parse(told["cut"]).offsets
                yield MadeGeneration(listed.name, str(told["run"]), cut, told.get("log"))
            except (StoreMissingError, ValueError, KeyError, TypeError):
                continue
