"""A home of an earlier release, whose generations are folders: it answers the same, whatever opens it first.

`earlier/home.tar.xz` is such a home: 120 rides in two lots, a batch run after each, both with a version of the model.
What its generations answered is in `earlier/told.json`, by that release.
"""

from __future__ import annotations

import json
import logging
import shutil
import tarfile
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from anabranch.features import Features
from batch import take_over
from batch.run import run_batch
from eventlog.decisions import publications
from eventlog.store.folder_store import FolderStore
from infra.analytics.sql_command import run_sql
from infra.composition import Process, opened
from infra.settings import Settings
from infra.verify.verification import verified

FOLDER = Path(__file__).parent / "earlier"
APPLICATION = FOLDER / "application.py"
TOLD: dict[str, Any] = json.loads((FOLDER / "told.json").read_text())
ROWS: list[Features] = [{"hour": hour, "station": station, "n": 5} for station in "ABZ" for hour in (1, 13)]


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("earlier")
    with tarfile.open(FOLDER / "home.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return folder


@pytest.fixture
def home(unpacked: Path, tmp_path: Path) -> Path:
    return shutil.copytree(unpacked, tmp_path / "home")


def settings(home: Path) -> Settings:
    return Settings.load(app=str(APPLICATION), home=home)


def answers(process: Process) -> dict[str, Any]:
    """What every generation answers, in the form of `TOLD`."""
    found = {}
    for publication in publications(process.log):
        generation, views = process.generation(publication), process.app.views.values()
        found[str(publication.generation)] = {
            "views": {
                v.name: [[list(key), at, v.present(cells)] for key, at, cells in generation.tiles(v)] for v in views
            },
            "predictions": {
                str(version["version"]): generation.predictor(
                    process.app.models["duration"], version["version"]
                ).predict(ROWS)
                for version in generation.versions("duration")
            },
        }
    return found


def assert_taken_over(home: Path) -> None:
    assert not take_over.is_needed(home)
    assert not (home / "rows").exists()
    assert sorted(path.name[:9] for path in (home / "generations").iterdir()) == ["00000001-", "00000002-"]


def test_a_home_answers_what_it_answered_and_the_log_tells(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO), opened(settings(home)) as process:
        assert answers(process) == TOLD
    assert_taken_over(home)
    assert "are taken over" in caplog.text
    caplog.clear()
    with caplog.at_level(logging.INFO), opened(settings(home)) as process:
        assert answers(process) == TOLD
    assert caplog.text == ""


def test_killed_after_any_step_it_goes_on(unpacked: Path, tmp_path: Path) -> None:
    with opened(settings(shutil.copytree(unpacked, tmp_path / "whole"))) as process:
        known = publications(process.log)
        names = sorted(found.name for folder in ("blobs", "generations") for found in process.store.list(folder))
    count = 0
    while True:
        home = shutil.copytree(unpacked, tmp_path / str(count))
        store = FolderStore(home)
        done = list(islice(take_over.steps(home, store, known), count))
        if len(done) < count:
            break
        for _ in take_over.steps(home, store, known):
            pass
        assert_taken_over(home)
        assert sorted(found.name for folder in ("blobs", "generations") for found in store.list(folder)) == names
        shutil.rmtree(home)
        count += 1
    assert count > len(names)


def test_a_batch_run_that_opens_it_first_goes_on_from_it(home: Path) -> None:
    with opened(settings(home)) as process:
        parts = process.log, process.leases, process.runs, process.lake
        outcome = run_batch(str(APPLICATION), process.home, *parts, workers=1, clock=process.clock)
        assert outcome.problems == []
        assert outcome.events < 10, "rides were folded by the earlier release"
        newest = process.generation(publications(process.log)[0])
        assert newest.manifest["previous"] == 2
        assert [version["version"] for version in newest.versions("duration")] == [3, 2, 1]
        assert '"path"' not in json.dumps(newest.manifest)
        report = verified(process)
        assert [*report.damaged, *report.warnings] == []
        assert not any(verdict.wrong for verdict in report.verdicts)


def test_sql_that_opens_it_first_answers_from_it(home: Path, tmp_path: Path) -> None:
    with opened(settings(home)) as process:
        run_sql(
            process,
            "SELECT sum(n) AS n, count(*) FILTER (kept) FROM view_ever, (SELECT kept FROM generations)",
            "csv",
            tmp_path / "told.csv",
            None,
        )
    assert (tmp_path / "told.csv").read_text().splitlines()[1] == "240,6"


@pytest.mark.parametrize("damaged", ["2/views/hourly.sqlite", "2/manifest.json", "2/models/duration-2.skops"])
def test_what_is_damaged_is_told_as_it_was_and_the_rest_is_taken_over(home: Path, damaged: str) -> None:
    path = home / "generations" / damaged
    path.write_bytes(path.read_bytes()[:-1])
    with opened(settings(home)) as process:
        newest, first = publications(process.log)
        assert process.can_serve(first)
        if "models" in damaged:
            assert process.can_serve(newest)
        else:
            assert not process.can_serve(newest)
            assert "generation 2 is damaged" in process.problems[-1]
    assert not take_over.is_needed(home)
