"""A publication whose commit is not heard of is found in the log, and is never followed by a failure."""

from __future__ import annotations

from typing import Any

import pytest

from anabranch import SYSTEM, Cut
from batch.publication_outcome import was_published
from eventlog.decisions import Publication
from eventlog.errors import LogUnavailableError
from eventlog.log import Append, Appended
from eventlog.log.memory_log import MemoryLog
from eventlog.log.sql_log import SqlLog
from eventlog.registry.leases import Lease
from tests.batch.conftest import Home
from tests.batch.rides import rides


class Unheard(SqlLog):
    """Something comes between a publication and its answer."""

    instead: BaseException
    written = True
    away = False

    def mark(self, data: dict[str, Any], lease: Lease | None = None, **options: Any) -> int:
        if data["kind"] != Publication.KIND:
            return super().mark(data, lease, **options)
        if self.written:
            super().mark(data, lease, **options)
        raise self.instead

    def append(self, append: Append) -> Appended:
        if self.away and append.stream == SYSTEM:
            raise LogUnavailableError("away")
        return super().append(append)


@pytest.fixture
def unheard(home: Home) -> Unheard:
    home.post("rides", rides(20))
    home.log.close()
    home.log = log = Unheard(home.database, home.lake, home.clock)
    log.instead = LogUnavailableError("whether that was written is not known")
    return log


def kinds(home: Home) -> list[str]:
    return [record.data["kind"] for segment in home.log.read_system() for record in segment.records()]


def test_a_publication_that_is_in_the_log_after_all_is_one(home: Home, unheard: Unheard) -> None:
    assert home.run().generation == 1
    assert kinds(home) == ["batch_started", "batch_published"]
    assert [(run.status, run.generation) for run in home.runs.list()] == [("published", 1)]


def test_one_that_is_not_fails_the_run(home: Home, unheard: Unheard) -> None:
    unheard.written = False
    with pytest.raises(LogUnavailableError):
        home.run()
    assert kinds(home) == ["batch_started", "batch_failed"]


def test_a_run_that_is_ended_while_it_waits_for_its_publication_says_what_became_of_it(
    home: Home, unheard: Unheard
) -> None:
    unheard.instead = SystemExit("ended by SIGTERM")
    with pytest.raises(SystemExit):
        home.run()
    assert kinds(home) == ["batch_started", "batch_published"]
    assert [(run.status, run.generation) for run in home.runs.list()] == [("published", 1)]


def test_where_nobody_knows_nothing_is_said_and_the_next_run_finds_out(home: Home, unheard: Unheard) -> None:
    unheard.instead = SystemExit("ended by SIGTERM")
    unheard.away = True
    with pytest.raises(SystemExit) as caught:
        home.run()
    assert "is not known, the next run will tell" in caught.value.__notes__[0]
    assert kinds(home) == ["batch_started", "batch_published"]
    unheard.close()
    home.log = SqlLog(home.database, home.lake, home.clock)
    home.run()
    assert [(run.status, run.generation) for run in home.runs.list()] == [("published", 2), ("published", 1)]


def test_what_waits_to_be_committed_is_awaited() -> None:
    log = MemoryLog()
    assert not was_published(log, "r1", 0)
    log.mark(Publication(1, Cut((0,)), "", "r1").event())
    assert was_published(log, "r1", 0)
    assert not was_published(log, "r2", 0)
    log.close()
    with pytest.raises(LogUnavailableError):
        was_published(log, "r1", 0)
