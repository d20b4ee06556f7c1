from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from anabranch.view import View
from batch.errors import CorruptGenerationError
from batch.views import index_file
from batch.views.reader_pool import IDLE_MOST, ReaderPool
from eventlog.store.errors import StoreUnavailableError
from tests.batch.application import app

VIEW: View = app.views["ever"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "ever.sqlite"
    rows = [
        (number, 0, *VIEW.pack([aggregate.zero() for aggregate in VIEW.aggregates.values()])) for number in range(50)
    ]
    index_file.create(path, VIEW, [rows])
    return path


@pytest.fixture
def pool(path: Path) -> Iterator[ReaderPool]:
    pool = ReaderPool([path], VIEW)
    yield pool
    pool.close()


def keys(pool: ReaderPool) -> list[object]:
    with pool.lent() as reader:
        return [key[0] for key, _, _ in reader.tiles({}, index_file.FIRST, None, None)]


def test_threads_that_come_and_go_leave_no_file_open(pool: ReaderPool) -> None:
    for _ in range(50):
        thread = threading.Thread(target=keys, args=(pool,))
        thread.start()
        thread.join()
    assert pool.open == 1


def test_so_many_are_open_as_read_at_once_and_some_stay(pool: ReaderPool) -> None:
    count = IDLE_MOST + 4
    barrier = threading.Barrier(count)

    def read() -> None:
        with pool.lent():
            barrier.wait(30)

    threads = [threading.Thread(target=read) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert pool.open == IDLE_MOST


def test_a_file_that_was_removed_is_read_on_by_any_number_of_threads(pool: ReaderPool, path: Path) -> None:
    path.unlink()
    found: list[list[object]] = []
    with pool.lent() as reader:
        threads = [threading.Thread(target=lambda: found.append(keys(pool))) for _ in range(3)]
        for thread in threads:
            thread.start()
        assert [key[0] for key, _, _ in reader.tiles({}, index_file.FIRST, None, None)] == list(range(50))
    for thread in threads:
        thread.join()
    assert found == [list(range(50))] * 3


def test_what_is_lent_can_be_read_to_its_end_though_the_pool_is_closed(pool: ReaderPool) -> None:
    with pool.lent() as reader:
        pool.close()
        assert len(list(reader.tiles({}, index_file.FIRST, None, None))) == 50
    assert pool.open == 0
    with pytest.raises(CorruptGenerationError, match="a newer one has replaced it"), pool.lent():
        pass


def test_a_file_that_is_not_there_is_named(path: Path, tmp_path: Path) -> None:
    with pytest.raises(CorruptGenerationError, match=r"none\.sqlite"):
        ReaderPool([path, tmp_path / "none.sqlite"], VIEW)


def test_an_index_that_cannot_be_opened_now_is_not_said_to_be_damaged(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()  # it stands for a file that is there and cannot be opened
    with pytest.raises(StoreUnavailableError):
        ReaderPool([tmp_path / "folder"], VIEW)
    with pytest.raises(CorruptGenerationError):
        ReaderPool([tmp_path / "missing"], VIEW)
