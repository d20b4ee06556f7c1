"""Snapshots against the very code that answers over HTTP, at every step of a log with batch runs in it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import orjson
import pytest

from anabranch.view import key_order
from eventlog.log import Append
from infra.analytics.snapshot_writer import snapshots_of
from infra.composition import Process, opened
from infra.settings import Settings
from serving.answers.merged_answer import present
from serving.answers.selection import ViewQueries
from serving.answers.view_reading import ViewReader
from serving.sql.sandbox.result_rows import read, values
from serving.sql.snapshots.snapshot_folder import KEPT_SECONDS, SnapshotFolder
from serving.sql.snapshots.snapshots import Snapshot, Snapshots
from speed.checkpoint import Checkpoints
from speed.offline_fold import OfflineFold
from tests.end_to_end.application import app
from tests.end_to_end.conftest import APPLICATION, rides
from tests.home_key import KEY


@contextmanager
def written(home: Path) -> Iterator[tuple[Process, Snapshots]]:
    with opened(Settings.load(app=str(APPLICATION), home=home)) as process:
        yield process, snapshots_of(process, home / "analytics")


def add(process: Process, stream: str, events: list[dict[str, Any]]) -> None:
    """Append events as a post would."""
    definition = process.app.streams[stream]
    data = [orjson.dumps(event) for event in events]
    models = [definition.checked.model_validate_json(event) for event in data]
    ids = [None if definition.id is None else str(getattr(model, definition.id)) for model in models]
    times = [None if definition.time is None else int(getattr(m, definition.time).timestamp()) * 10**6 for m in models]
    process.log.append(Append(stream, ids, [None] * len(events), times, data))


def served(process: Process, view_name: str) -> list[dict[str, Any]]:
    """What the service answers when it has folded the whole log."""
    checkpoints = Checkpoints(process.home / "none", KEY)
    fold = OfflineFold(process.app, process.log, checkpoints, process.can_serve, process.published_layer, models=False)
    for _ in fold.fold_to(process.log.end()):
        pass
    view = process.app.views[view_name]
    query = ViewQueries(view).read(b"limit=100000")
    return present(view, ViewReader(fold.reader(), process.generations).read(view, query).rows, False)


def shown(snapshot: Snapshot, view_name: str) -> list[dict[str, Any]]:
    with duckdb.connect(snapshot.path, read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        result = read(connection.sql(f"FROM view_{view_name}"), 10**9, 10**12)
        rows = [dict(zip(result.table.column_names, row, strict=True)) for row in zip(*values(result), strict=True)]
    fields = app.views[view_name].key_fields
    return sorted(rows, key=lambda row: (key_order(tuple(row[field] for field in fields)), row["tile"] or ""))


@pytest.mark.parametrize("seed", range(3))
def test_views_are_what_is_served_whatever_happens_in_the_log(tmp_path: Path, seed: int) -> None:
    chance = Random(seed)
    numbers = itertools.count()
    with written(tmp_path) as (process, snapshots):
        for step in range(10):
            what = chance.choice(["events", "events", "started", "failed"])
            if what == "events":
                count = chance.choice([1, 7, 60])
                add(process, "rides", rides(chance, next(numbers) * 100, count))
                add(
                    process, "clicks", [{"page": chance.choice(["ab", "b", ""])} for _ in range(chance.randrange(1, 4))]
                )
            elif what == "started":
                process.log.mark({"kind": "batch_started", "run": "r"})
            else:
                process.log.mark({"kind": "batch_failed", "run": "r"})
            if chance.random() < 0.3:
                continue
            snapshot = snapshots.take({}, "0:0", float(step))
            assert snapshot.cut == str(process.log.end())
            for view in app.views:
                assert shown(snapshot, view) == served(process, view), (view, step)


def test_nothing_new_is_no_new_snapshot(tmp_path: Path) -> None:
    with written(tmp_path) as (process, snapshots):
        add(process, "rides", rides(Random(0), 0, 5))
        first = snapshots.take({}, "0:0", 0.0)
        assert snapshots.take({}, "0:0", 1.0) == first
        process.dead_letters.add("rides", [(b"{", [{"field": "", "message": "no JSON", "type": "json"}])])
        second = snapshots.take({}, "0:0", 2.0)
        assert second.name != first.name
        assert second.cut == first.cut
        process.runs.start("run", full=False, pid=None)
        assert snapshots.take({}, "0:0", 3.0).name != second.name


def test_the_tail_stays_in_few_files(tmp_path: Path) -> None:
    with written(tmp_path) as (process, snapshots):
        for number in range(40):
            add(process, "rides", rides(Random(number), number * 10, 3))
            snapshot = snapshots.take({}, "0:0", 0.0)
        assert sum("tail-rides" in path for path in snapshot.files) <= 6
        with duckdb.connect(snapshot.path, read_only=True) as connection:
            found = connection.execute("SELECT _offset FROM events_rides ORDER BY 1").fetchall()
        assert found == [(offset,) for offset in range(120)]
        assert len(list(Path(snapshot.path).parent.iterdir())) < 40, "what nobody needs goes"


def test_a_published_snapshot_outlives_its_successors_for_some_minutes(tmp_path: Path) -> None:
    with written(tmp_path) as (process, snapshots):
        file = tmp_path / "analytics.duckdb"
        add(process, "rides", rides(Random(0), 0, 5))
        first = snapshots.take({}, "0:0", 0.0, publish=file)
        add(process, "rides", rides(Random(0), 10, 5))
        between = snapshots.take({}, "0:0", 1.0)
        add(process, "rides", rides(Random(0), 20, 5))
        snapshots.take({}, "0:0", 2.0, publish=file)
        assert Path(first.path).exists()
        assert not Path(between.path).exists()
        add(process, "rides", rides(Random(0), 30, 5))
        snapshots.take({}, "0:0", KEPT_SECONDS - 10.0, publish=file)
        assert all(Path(path).exists() for path in first.files)
        snapshots.take({}, "0:0", KEPT_SECONDS + 10.0, publish=file)
        assert not Path(first.path).exists()


def test_what_earlier_writers_left_goes_once_nobody_can_need_it(tmp_path: Path) -> None:
    SnapshotFolder(tmp_path, "before", 0.0).new("view").write_text("")
    folder = SnapshotFolder(tmp_path, "now", 0.0)
    folder.now = KEPT_SECONDS - 1
    folder.tidy(())
    assert (tmp_path / "before").exists()
    folder.now = KEPT_SECONDS + 1
    folder.tidy(())
    assert [path.name for path in tmp_path.iterdir()] == ["now"]
