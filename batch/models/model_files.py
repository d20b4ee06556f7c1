"""The files of versions of models: made by a run, and carried from generation to generation by their digests."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from anabranch.model import Model
from batch.generation import Generation
from batch.manifest import unplaced
from batch.models import pickled_files
from eventlog.home_key import HomeKey
from eventlog.store.blobs import Blob, Blobs
from eventlog.store.errors import BlobDamagedError

KEPT_VERSIONS = 8
"""The newest versions of a model, which can still be promoted, beside its champion."""


def file_entry(blob: Blob, kind: str, pickles: HomeKey | None) -> dict[str, Any]:
    """What the manifest says of a file that a worker made.

    Parameters
    ----------
    kind
        Its format; see `batch.manifest.written`.
    pickles
        The key of the home; None: there are no pickles.
    """
    return pickled_files.signed(blob.entry(), pickles) if pickles and kind == "pickle" else blob.entry()


def held_versions(model: Model, generations: Sequence[Generation]) -> list[tuple[Generation, dict[str, Any]]]:
    """The versions of a model that some generations hold, each once, the newest first.

    Versions that were trained on features of another definition are left out: nobody can promote them.

    Parameters
    ----------
    generations
        The newest first; a version is taken from the first that has it.
    """
    found: dict[int, tuple[Generation, dict[str, Any]]] = {}
    for generation in generations:
        for held in generation.versions(model.name):
            if held["fingerprint"] == model.fingerprint:
                found.setdefault(held["version"], (generation, held))
    return [found[version] for version in sorted(found, reverse=True)]


def carry(
    held: Sequence[tuple[Generation, dict[str, Any]]],
    most: int,
    champion: int | None,
    blobs: Blobs,
    problem: Callable[[str], None],
) -> Iterator[dict[str, Any]]:
    """Carry the `most` newest versions and the champion into a new generation, which names the same blobs.

    A version whose file is damaged is left out, and `problem` is told.

    Yields
    ------
    dict
        What the manifest says of each.
    """
    for index, (_, entry) in enumerate(held):
        if index >= most and entry["version"] != champion:
            continue
        gate = entry["gate"]
        try:
            for file in (entry["file"], gate["file"]):
                blobs.fetch(Blob.of(file))
        except BlobDamagedError as error:
            problem(f"version {entry['version']} of a model is lost: {error}")
            continue
        yield {**entry, "file": unplaced(entry["file"]), "gate": {**gate, "file": unplaced(gate["file"])}}
