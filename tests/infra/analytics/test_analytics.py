"""The published file and its writer, inside one process with a real log and consumer."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import duckdb
import orjson
import pytest

from eventlog.log import Append, Log
from infra.analytics.analytics import Analytics
from infra.composition import Process, opened
from infra.settings import Settings
from serving.sql.errors import SqlUnavailableError
from tests.end_to_end.analyst import until
from tests.end_to_end.conftest import APPLICATION, ride
from tests.end_to_end.test_models import APPLICATION as MODELS


class GatedLog:
    """A log that the fold can be kept from reading."""

    def __init__(self, log: Log):
        self._log = log
        self.gate, self.blocked = threading.Event(), threading.Event()
        self.gate.set()

    def read(self, *asked: Any) -> Any:
        if not self.gate.is_set():
            self.blocked.set()
            self.gate.wait(60)  # not for ever: a test that fails must end
        return self._log.read(*asked)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)


@contextmanager
def served(
    home: Path, app: Path = APPLICATION, gate: Callable[[Log], Log] = lambda log: log, **options: Any
) -> Iterator[tuple[Process, Analytics]]:
    with opened(Settings.load(app=str(app), home=home)) as process:
        consumer = process.consumer()
        consumer.log = gate(consumer.log)
        consumer.start()
        try:
            with Analytics(
                process, consumer.reader, **{"refresh_seconds": 0.3, "wait_seconds": 60.0, **options}
            ) as analytics:
                yield process, analytics
        finally:
            consumer.stop()


def add(process: Process, number: int) -> None:
    event = ride(number)
    append = Append("rides", [event["ride_id"]], ["A"], [0], [orjson.dumps(event)])
    process.log.append(append)


def counted(path: str) -> int:
    with duckdb.connect(path, read_only=True) as connection:
        ((count,),) = connection.execute("SELECT count(*) FROM events_rides").fetchall()
        return int(count)


def test_a_query_sees_what_was_appended_just_before(tmp_path: Path) -> None:
    with served(tmp_path, refresh_seconds=60.0) as (process, analytics):
        for number in range(3):
            add(process, number)
            with analytics.reading() as snapshot:
                assert counted(snapshot["path"]) == number + 1
        with analytics.reading() as again:
            assert again == snapshot, "nothing has changed"


def test_scores_follow_the_fold_although_nothing_was_appended_since(tmp_path: Path) -> None:
    def position(snapshot: Mapping[str, Any]) -> str:
        with duckdb.connect(snapshot["path"], read_only=True) as connection:
            asked = "SELECT position FROM freshness WHERE relation = 'model_scores'"
            ((found,),) = connection.execute(asked).fetchall()
            return str(found)

    logs: list[GatedLog] = []

    def gated(log: Log) -> Any:
        logs.append(GatedLog(log))
        return logs[0]

    with served(tmp_path, MODELS, gated, refresh_seconds=60.0) as (process, analytics):
        reader, (log,) = analytics._speed, logs
        add(process, 0)
        until(lambda: reader.cut.offsets == (3,), 60)  # a sample of its features for each model, of no later one
        until((tmp_path / "analytics.duckdb").exists, 60)
        log.gate.clear()
        assert log.blocked.wait(60)
        add(process, 1)
        with analytics.reading() as before:
            assert (position(before), counted(before["path"])) == ("0:3", 2)
        log.gate.set()
        until(lambda: reader.cut.offsets == (4,), 60)
        with analytics.reading() as after:
            assert (position(after), counted(after["path"])) == ("0:4", 2)


def test_the_scribe_is_let_go_when_nothing_happens_and_comes_back(tmp_path: Path) -> None:
    with served(tmp_path, idle_seconds=0.6) as (process, analytics):
        add(process, 0)
        file = tmp_path / "analytics.duckdb"
        until(file.exists, 60)
        until(lambda: analytics.is_idle, 60)
        with analytics.reading() as snapshot:
            fresh = Path(snapshot["fresh"])
            assert analytics.is_idle, "what there is is still true"
            said = json.loads(fresh.read_text())["as_of"]
            until(lambda: bool(json.loads(fresh.read_text())["as_of"] > said), 10)
        add(process, 1)
        until(lambda: counted(str(file)) == 2, 60)


def test_a_snapshot_of_which_a_file_is_gone_is_taken_anew(tmp_path: Path) -> None:
    with served(tmp_path, refresh_seconds=600.0) as (process, analytics):
        add(process, 0)
        with suppress(SqlUnavailableError), analytics.reading() as snapshot:
            Path(snapshot["path"]).unlink()
            raise SqlUnavailableError("as the process that runs statements tells it")
        with analytics.reading() as another:
            assert counted(another["path"]) == 1
        with analytics.reading() as again:
            assert again == another, "nothing is lost any more"


def test_where_no_file_is_wanted_queries_are_answered_and_the_writer_ends_all_the_same(tmp_path: Path) -> None:
    with served(tmp_path, refresh_seconds=math.inf, idle_seconds=0.6) as (process, analytics):
        add(process, 0)
        with analytics.reading() as snapshot:
            assert counted(snapshot["path"]) == 1
        assert not analytics.is_idle
        until(lambda: analytics.is_idle, 60)
        add(process, 1)
        with analytics.reading() as snapshot:
            assert counted(snapshot["path"]) == 2
        assert not (tmp_path / "analytics.duckdb").exists()


def test_files_that_are_read_stay_while_others_go(tmp_path: Path) -> None:
    with served(tmp_path, refresh_seconds=600.0) as (process, analytics):
        until((tmp_path / "analytics.duckdb").exists, 60)  # what was published stays longer: none of the following is
        add(process, 0)
        with analytics.reading() as snapshot:
            for number in range(1, 4):
                add(process, number)
                with analytics.reading():
                    pass
            assert counted(snapshot["path"]) == 1
        for number in range(4, 7):
            add(process, number)
            with analytics.reading() as newest:
                pass
        assert not Path(snapshot["path"]).exists()
        assert counted(newest["path"]) == 7


def test_many_queries_share_a_snapshot_and_none_is_too_old(tmp_path: Path) -> None:
    with served(tmp_path, refresh_seconds=60.0) as (process, analytics):
        names: set[str] = set()
        short: list[int] = []

        def ask(number: int) -> None:
            add(process, number)
            end = process.log.end().offsets[0]
            with analytics.reading() as snapshot:
                names.add(snapshot["name"])
                if int(snapshot["cut"].partition(":")[2]) < end:
                    short.append(number)

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert short == []
        assert len(names) < 16


def test_what_cannot_be_prepared_is_said_and_tried_again(tmp_path: Path) -> None:
    with served(tmp_path, refresh_seconds=60.0) as (process, analytics):
        add(process, 0)
        (tmp_path / "analytics").write_text("in the way of the folder")
        with pytest.raises(SqlUnavailableError, match=r"cannot be prepared: .*analytics"), analytics.reading():
            pass
        (tmp_path / "analytics").unlink()
        with analytics.reading() as snapshot:
            assert counted(snapshot["path"]) == 1


def test_a_query_that_waits_in_vain_is_told(tmp_path: Path) -> None:
    with served(tmp_path, refresh_seconds=60.0, wait_seconds=0.001) as (process, analytics):
        add(process, 0)
        with pytest.raises(SqlUnavailableError, match=r"within 0\.001 s"), analytics.reading():
            pass
