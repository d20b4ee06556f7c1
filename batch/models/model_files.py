"""The files of versions of models: made by a run, and carried from generation to generation as hard links."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from anabranch.model import Model
from batch.errors import GenerationError
from batch.generation import Generation, verify
from batch.manifest import file_entry
from batch.models import pickled_files
from eventlog.durable_files import sync_file
from eventlog.home_key import HomeKey

KEPT_VERSIONS = 8
"""The newest versions of a model, which can still be promoted, beside its champion."""


def publish_file(made: Path, folder: Path, name: str, pickles: HomeKey | None = None) -> dict[str, Any]:
    """Move a file that a worker made into a generation; returns what the manifest says of it.

    Parameters
    ----------
    folder
        That of the generation.
    name
        What it is called in the generation's ``models``, without suffix.
    pickles
        The key of the home; None: there are no pickles.
    """
    path = folder / "models" / f"{name}{made.suffix}"
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(made, path)
    sync_file(path)
    entry = file_entry(folder, path)
    return pickled_files.signed(entry, pickles) if pickles and path.suffix == pickled_files.SUFFIX else entry


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
    folder: Path,
    problem: Callable[[str], None],
) -> Iterator[dict[str, Any]]:
    """Carry the `most` newest versions and the champion into a new generation.

    A version whose file is damaged is left out, and `problem` is told.

    Yields
    ------
    dict
        What the manifest says of each.
    """
    for index, (generation, entry) in enumerate(held):
        if index >= most and entry["version"] != champion:
            continue
        try:
            for file in (entry["file"], entry["gate"]["file"]):
                _link(generation.folder / file["path"], folder / file["path"], file)
        except GenerationError as error:
            problem(f"version {entry['version']} of a model is lost: {error}")
            continue
        yield entry


def _link(source: Path, target: Path, file: dict[str, Any]) -> None:
    verify(source, file["bytes"], file["sha256"])
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without links
        shutil.copy2(source, target)
