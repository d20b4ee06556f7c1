"""The index of ids: what finds duplicates, on both kinds of database."""

from __future__ import annotations

import pytest

from eventlog.log.id_index import IdIndex
from eventlog.registry.database import Database

ODD = ["", "'", '"', "a,b", "{}", "NULL", "null", "\\", "ä€😀", "a\nb", "x" * 1024]
"""Ids that JSON, arrays and SQL write in a way of their own."""


@pytest.fixture
def index(database: Database) -> IdIndex:
    return IdIndex(database.engine.dialect.name)


def test_ids_are_found_where_they_stand_however_odd_they_are(database: Database, index: IdIndex) -> None:
    with database.write() as connection:
        assert index.add(connection, "rides", [*ODD], 2**40)
        assert index.find(connection, "rides", [*ODD, None, "unknown"]) == {
            id_: 2**40 + place for place, id_ in enumerate(ODD)
        }
        assert index.find(connection, "walks", [*ODD]) == {}


def test_a_record_without_an_id_takes_its_place_and_is_no_duplicate(database: Database, index: IdIndex) -> None:
    with database.write() as connection:
        assert index.add(connection, "rides", [None, "a", None, "b"], 10)
        assert index.add(connection, "rides", [None, None], 14)
        assert index.find(connection, "rides", ["b", "a", None]) == {"a": 11, "b": 13}
        assert index.find(connection, "rides", [None]) == {}


@pytest.mark.parametrize("new", [["c", "a"], ["c", None, "c"]])
def test_of_ids_with_a_duplicate_none_is_added_and_no_other_goes(
    database: Database, index: IdIndex, new: list[str | None]
) -> None:
    with database.write() as connection:
        index.add(connection, "rides", ["a", "b"], 0)
        index.add(connection, "walks", ["c"], 2)
        assert not index.add(connection, "rides", new, 3)
        assert index.find(connection, "rides", ["a", "b", "c"]) == {"a": 0, "b": 1}
        assert index.find(connection, "walks", ["c"]) == {"c": 2}
        assert index.add(connection, "rides", ["c"], 3)


def test_what_is_forgotten_can_come_again_in_its_stream_alone(database: Database, index: IdIndex) -> None:
    with database.write() as connection:
        index.add(connection, "rides", ["a", "b"], 0)
        index.add(connection, "walks", ["a"], 2)
        index.forget(connection, "rides", ["a", None])
        index.forget(connection, "rides", [None])
        assert index.find(connection, "rides", ["a", "b"]) == {"b": 1}
        assert index.find(connection, "walks", ["a"]) == {"a": 2}
        assert index.add(connection, "rides", ["a"], 7)
