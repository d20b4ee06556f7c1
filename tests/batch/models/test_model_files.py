"""The files of versions on their way from a worker to a generation, and from generation to generation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from batch.generation import FORMAT, Generation, verify
from batch.manifest import write_manifest
from batch.models.model_files import carry, held_versions, publish_file
from tests.batch.models import model_application

MODEL = model_application.app.models["duration"]


def version(folder: Path, number: int, fingerprint: str = MODEL.fingerprint) -> dict[str, Any]:
    """A version whose two files say which it is."""
    files = []
    for name in (f"m-{number}", f"m-{number}-gate"):
        made = folder / "made" / f"{name}.txt"
        made.parent.mkdir(parents=True, exist_ok=True)
        made.write_text(f"{name} of {folder.name}")
        files.append(publish_file(made, folder, name))
    return {"version": number, "fingerprint": fingerprint, "file": files[0], "gate": {"file": files[1]}}


def generation(root: Path, number: int, versions: list[dict[str, Any]]) -> Generation:
    said = {"generation": number, "cut": "0:0", "run": "r", "views": {}, "models": {MODEL.name: {"versions": versions}}}
    write_manifest(root / str(number), {"format": FORMAT, **said})
    return Generation.open(root, number)


def carried(held: Any, most: int, champion: int | None, folder: Path) -> tuple[list[int], list[str]]:
    problems: list[str] = []
    found = list(carry(held, most, champion, folder, problems.append))
    for entry in found:
        for file in (entry["file"], entry["gate"]["file"]):
            verify(folder / file["path"], file["bytes"], file["sha256"])
    return [entry["version"] for entry in found], problems


def test_a_file_is_moved_and_named_by_what_it_holds(tmp_path: Path) -> None:
    made = tmp_path / "worker" / "candidate.pickle"
    made.parent.mkdir()
    made.write_bytes(b"model")
    entry = publish_file(made, tmp_path / "7", "duration-7")
    assert not made.exists()
    assert entry["path"] == "models/duration-7.pickle"
    verify(tmp_path / "7" / entry["path"], entry["bytes"], entry["sha256"])


def test_each_version_is_held_once_by_the_newest_generation_that_has_it(tmp_path: Path) -> None:
    old = generation(tmp_path, 1, [version(tmp_path / "1", 1), version(tmp_path / "1", 9, "another definition")])
    new = generation(tmp_path, 2, [version(tmp_path / "2", 2), version(tmp_path / "2", 1)])
    found = held_versions(MODEL, [new, old])
    assert [(held.number, entry["version"]) for held, entry in found] == [(2, 2), (2, 1)]
    assert [(held.number, entry["version"]) for held, entry in held_versions(MODEL, [old])] == [(1, 1)]
    assert held_versions(MODEL, []) == []


def test_the_newest_and_the_champion_are_carried_and_share_their_bytes(tmp_path: Path) -> None:
    before = generation(tmp_path, 5, [version(tmp_path / "5", number) for number in range(5, 0, -1)])
    held = held_versions(MODEL, [before])
    assert carried(held, 2, 1, tmp_path / "a") == ([5, 4, 1], [])
    assert carried(held, 2, 4, tmp_path / "b") == ([5, 4], [])
    assert carried(held, 0, None, tmp_path / "c") == ([], [])
    source, target = (tmp_path / folder / "models" / "m-5.txt" for folder in ("5", "a"))
    assert source.stat().st_ino == target.stat().st_ino, "a link, which outlives the generation that it came from"


@pytest.mark.parametrize("file", ["m-2.txt", "m-2-gate.txt"])
def test_a_version_with_a_damaged_file_is_left_out_and_told(tmp_path: Path, file: str) -> None:
    before = generation(tmp_path, 2, [version(tmp_path / "2", 2), version(tmp_path / "2", 1)])
    (tmp_path / "2" / "models" / file).write_text("something else")
    versions, problems = carried(held_versions(MODEL, [before]), 5, 2, tmp_path / "3")
    assert versions == [1]
    assert len(problems) == 1
    assert problems[0].startswith("version 2 of a model is lost")
    assert file in problems[0]
