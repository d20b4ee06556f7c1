"""What of the hot log may go: everything before the cut is archived, and older than it is kept."""

from __future__ import annotations

import pytest

from anabranch import SYSTEM, Cut
from batch.archive import archive, pending, trimmable
from tests.batch.conftest import Home
from tests.batch.rides import rides


def archived(home: Home, end: int) -> list[int]:
    """Archive up to an offset; returns what was reported."""
    told: list[int] = []
    archive(home.log, home.lake, home.app, Cut((end,)), told.append)
    return told


def test_what_waits_is_archived_once_and_only_before_the_cut(home: Home) -> None:
    home.post("rides", rides(10))
    home.log.mark({"kind": "note"})
    assert pending(home.lake, Cut((7,))) == 7
    assert sum(archived(home, 7)) == 7, "the cut goes through the middle of an append"
    assert pending(home.lake, Cut((11,))) == 4
    assert sum(archived(home, 11)) == 4
    assert sum(archived(home, 11)) == 0
    assert (pending(home.lake, Cut((11,))), home.lake.archived(SYSTEM)) == (0, 11)


def test_a_run_that_was_killed_between_two_streams_is_made_up_for(home: Home) -> None:
    home.post("rides", rides(10))
    home.log.mark({"kind": "note"})
    segments = home.log.read(Cut(), 100)
    home.lake.archive(home.app.streams["rides"], segments, 11, lambda records: None)
    assert pending(home.lake, Cut((11,))) == 11, "the stream that comes last is not there"
    archived(home, 11)
    assert sum(segment.count for segment in home.lake.read_stream("rides", 0, 11)) == 10
    assert pending(home.lake, Cut((11,))) == 0


@pytest.mark.parametrize(
    ("end", "old", "expected"),
    [
        (6, 0, 0),  # nothing is old enough
        (6, 1, 2),
        (6, 3, 6),
        (5, 3, 4),  # the last append is archived in part, and stays whole
        (1, 3, 0),
        (0, 3, 0),
    ],
)
def test_appends_go_whole_when_they_are_archived_and_old(home: Home, end: int, old: int, expected: int) -> None:
    for number in range(3):
        home.post("rides", rides(2, seed=number))
    first, second, last = (segment.appended for segment in home.log.read(Cut(), 100))
    before = {0: first, 1: second, 3: last + 1}[old]
    assert trimmable(home.log, Cut((end,)), before) == Cut((expected,))


def test_what_is_dropped_already_is_not_looked_for(home: Home) -> None:
    for number in range(3):
        home.post("rides", rides(2, seed=number))
    archived(home, 6)
    home.log.trim(Cut((4,)))
    assert trimmable(home.log, Cut((6,)), home.now + 1) == Cut((6,))
    assert trimmable(home.log, Cut((6,)), 0) == Cut((4,))
