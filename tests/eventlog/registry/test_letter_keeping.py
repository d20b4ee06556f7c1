"""What is kept of dead letters: bounded, joined, and counted so that nothing goes unseen."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from eventlog.registry.database import Database
from eventlog.registry.dead_letters import DeadLetters
from eventlog.registry.letter_keeping import KEPT, LetterBounds, Retry, note_retry
from eventlog.registry.tables import dead_letters
from tests.contracts.leases import Clock

REASON: list[dict[str, Any]] = [{"field": "minutes", "message": "must be positive", "type": "greater_than"}]
EVENT = st.tuples(st.sampled_from(["a", "b"]), st.integers(0, 12).map(lambda number: b"x" * number), st.booleans())
STEP = st.lists(EVENT, min_size=1, max_size=6) | st.tuples(
    st.sampled_from(["retry", "retry some", "delete"]), st.integers(0, 9)
)


@settings(max_examples=30)
@given(steps=st.lists(STEP, max_size=20), letters=st.integers(1, 6), size=st.integers(1, 400))
def test_whatever_happens_the_bounds_hold_and_the_totals_are_those_of_the_letters(
    steps: list[Any], letters: int, size: int
) -> None:
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{Path(folder) / 'log.db'}")
        kept = DeadLetters(database, clock, LetterBounds(letters, size))
        done = dict.fromkeys(("a", "b"), 0)  # events that somebody retried or deleted
        for step in steps:
            clock.advance(1)
            if isinstance(step, list):
                for stream in ("a", "b"):
                    kept.add(stream, [(body, REASON if why else []) for name, body, why in step if name == stream])
                continue
            waiting = [letter for stream in ("a", "b") for letter in kept.list(stream, retried=False)]
            if not waiting:
                continue
            letter = waiting[step[1] % len(waiting)]
            if step[0] == "delete":
                kept.delete(letter.id)
                done[letter.stream] += letter.count
            else:
                events = None if step[0] == "retry" else 1
                with database.write() as connection:
                    note_retry(connection, Retry(letter.id, events), clock())
                done[letter.stream] += letter.count if events is None else 1
        for stream in ("a", "b"):
            totals = kept.totals(stream)
            found = kept.list(stream)
            assert totals.letters == len(found) <= letters
            assert totals.bytes <= size or totals.letters == 1
            assert totals.waiting == sum(letter.count for letter in found if letter.retried is None)
            assert totals.added == totals.waiting + totals.dropped + done[stream]
            with database.read() as connection:
                weights = select(func.sum(dead_letters.c.bytes)).where(dead_letters.c.stream == stream)
                assert totals.bytes == (connection.execute(weights).scalar_one() or 0)
        database.close()


def test_what_an_earlier_release_piled_up_goes_by_and_by(database: Database) -> None:
    """No commit waits until all of it is gone."""
    many = DeadLetters(database, Clock())
    many.add("rides", [(b"%d" % number, []) for number in range(12_000)])
    few = DeadLetters(database, Clock(), LetterBounds(letters=100))
    few.add("rides", [(b"one more", [])])
    assert 100 < few.totals("rides").letters < 2_500
    few.add("rides", [(b"and another", [])])
    assert few.totals("rides").letters == 100
    assert [letter.body for letter in few.list("rides", newest=True, limit=2)] == [b"and another", b"one more"]


def test_messages_that_tell_the_time_or_the_row_make_no_other_letter(database: Database) -> None:
    letters = DeadLetters(database, Clock(), KEPT)
    ids: set[int] = set()
    for row in range(5):
        reason = {"field": "at", "message": f"not after {row}", "type": "too_far_ahead", "row": row}
        ids |= set(letters.add("rides", [(b"{}", [reason])]))
    (letter,) = letters.list("rides")
    assert ids == {letter.id}
    assert (letter.count, letter.errors[0]["row"]) == (5, 4)


def test_an_event_that_comes_again_after_its_retry_is_a_letter_of_its_own(database: Database) -> None:
    letters = DeadLetters(database, Clock())
    (first,) = letters.add("rides", [(b"{}", [])])
    with database.write() as connection:
        note_retry(connection, Retry(first), 9)
    (second,) = letters.add("rides", [(b"{}", [])])
    assert second > first
    assert [letter.count for letter in letters.list("rides")] == [1, 1]
    assert letters.count("rides") == 1
