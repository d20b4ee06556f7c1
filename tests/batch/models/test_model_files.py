"""The files of versions on their way from a worker to a generation, and from generation to generation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from anabranch import Cut
from batch.generation import Generation
from batch.models.model_files import carry, file_entry, held_versions
from eventlog.decisions import Publication
from eventlog.store.blobs import Blob, Blobs
from eventlog.store.folder_store import FolderStore
from tests.batch.models import model_application
from tests.home_key import KEY

MODEL = model_application.app.models["duration"]


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(FolderStore(tmp_path), tmp_path / "cache")


def made(blobs: Blobs, content: str) -> Blob:
    path = blobs.cache.with_name("made")
    path.write_text(content)
    blob = blobs.put(path)
    path.unlink()
    return blob


def version(blobs: Blobs, number: int, fingerprint: str = MODEL.fingerprint) -> dict[str, Any]:
    """A version whose two files say which it is."""
    files = [file_entry(made(blobs, f"{name} {number}"), "lightgbm", None) for name in ("served", "gate")]
    return {"version": number, "fingerprint": fingerprint, "file": files[0], "gate": {"file": files[1]}}


def generation(blobs: Blobs, number: int, versions: list[dict[str, Any]]) -> Generation:
    said = {"generation": number, "cut": "0:0", "run": "r", "views": {}, "models": {MODEL.name: {"versions": versions}}}
    return Generation(Publication(number, Cut((0,)), "", "r"), said, blobs)


def carried(held: Any, most: int, champion: int | None, blobs: Blobs) -> tuple[list[int], list[str]]:
    problems: list[str] = []
    found = list(carry(held, most, champion, blobs, problems.append))
    return [entry["version"] for entry in found], problems


def test_a_pickle_is_signed_and_nothing_else_is(blobs: Blobs) -> None:
    blob = made(blobs, "model")
    assert file_entry(blob, "pickle", KEY).keys() == {"bytes", "sha256", "mac"}
    assert file_entry(blob, "skops", KEY) == file_entry(blob, "pickle", None) == blob.entry()


def test_each_version_is_held_once_by_the_newest_generation_that_has_it(blobs: Blobs) -> None:
    old = generation(blobs, 1, [version(blobs, 1), version(blobs, 9, "another definition")])
    new = generation(blobs, 2, [version(blobs, 2), version(blobs, 1)])
    found = held_versions(MODEL, [new, old])
    assert [(held.number, entry["version"]) for held, entry in found] == [(2, 2), (2, 1)]
    assert [(held.number, entry["version"]) for held, entry in held_versions(MODEL, [old])] == [(1, 1)]
    assert held_versions(MODEL, []) == []


def test_the_newest_and_the_champion_are_carried_by_their_digests(blobs: Blobs) -> None:
    versions = [version(blobs, number) for number in range(5, 0, -1)]
    held = held_versions(MODEL, [generation(blobs, 5, versions)])
    assert carried(held, 2, 1, blobs) == ([5, 4, 1], [])
    assert carried(held, 2, 4, blobs) == ([5, 4], [])
    assert carried(held, 0, None, blobs) == ([], [])
    assert list(carry(held, 5, None, blobs, print)) == versions


def test_a_version_of_an_earlier_release_is_carried_without_its_path(blobs: Blobs) -> None:
    entry = version(blobs, 3)
    old = {**entry, "file": {**entry["file"], "path": "models/m-3.txt"}}
    old["gate"] = {"format": "skops", "file": {**entry["gate"]["file"], "path": "models/m-3-gate.txt"}}
    (found,) = carry(held_versions(MODEL, [generation(blobs, 3, [old])]), 5, None, blobs, print)
    assert found == {**entry, "gate": {"format": "skops", **entry["gate"]}}


@pytest.mark.parametrize("damaged", ["file", "gate"])
def test_a_version_with_a_damaged_file_is_left_out_and_told(blobs: Blobs, tmp_path: Path, damaged: str) -> None:
    two, one = version(blobs, 2), version(blobs, 1)
    file = tmp_path / Blob.of(two["file"] if damaged == "file" else two["gate"]["file"]).name
    file.write_text("something else")
    versions, problems = carried(held_versions(MODEL, [generation(blobs, 2, [two, one])]), 5, 2, blobs)
    assert versions == [1]
    assert len(problems) == 1
    assert problems[0].startswith("version 2 of a model is lost")
    assert file.name in problems[0]
