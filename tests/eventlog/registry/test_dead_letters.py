"""Dead letters, on both kinds of database."""

from __future__ import annotations

from typing import Any

from eventlog.registry.database import Database
from eventlog.registry.dead_letters import DeadLetters
from eventlog.registry.letter_keeping import Retry, note_retry
from tests.contracts.leases import Clock


def test_dead_letters_are_kept_as_they_came_and_paged_either_way(database: Database) -> None:
    clock = Clock()
    letters = DeadLetters(database, clock)
    errors: list[dict[str, Any]] = [{"field": "minutes", "message": "must be positive"}]
    ids = letters.add("rentals", [(b"\xff\x00%d" % number, errors) for number in range(5)])
    letters.add("others", [(b"{}", errors)])
    assert ids == sorted(ids)
    assert letters.add("rentals", []) == []
    first = letters.list("rentals", limit=2)
    assert [letter.body for letter in first] == [b"\xff\x000", b"\xff\x001"]
    assert (first[0].errors, first[0].received, first[0].retried) == (errors, clock(), None)
    assert [letter.id for letter in letters.list("rentals", after_id=first[-1].id)] == ids[2:]
    newest = letters.list("rentals", limit=2, newest=True)
    assert [letter.id for letter in newest] == ids[:2:-1]
    assert [letter.id for letter in letters.list("rentals", after_id=newest[-1].id, newest=True)] == ids[2::-1]


def test_a_retried_dead_letter_says_when_and_a_deleted_one_is_gone(database: Database) -> None:
    clock = Clock()
    letters = DeadLetters(database, clock)
    first, second, third = letters.add("rentals", [(b"%d" % number, []) for number in range(3)])
    clock.advance(9)
    with database.write() as connection:
        note_retry(connection, Retry(first), clock())
    letters.delete(second)
    found = letters.get(first)
    assert found is not None
    assert found.retried == clock()
    assert letters.get(second) is None
    assert [letter.id for letter in letters.list("rentals", retried=False)] == [third]
    assert letters.count("rentals") == 1


def test_the_ids_of_many_come_in_the_order_of_their_letters(database: Database) -> None:
    """An answer tells them beside the events that were refused, one by one."""
    letters = DeadLetters(database)
    bodies = [b"%d" % number for number in range(1_500)]
    ids = letters.add("rentals", [(body, []) for body in bodies])
    assert [(letter.id, letter.body) for letter in letters.list("rentals", limit=2_000)] == list(
        zip(ids, bodies, strict=True)
    )
