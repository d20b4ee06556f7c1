"""Several requests in one commit, some of them repetitions."""

from __future__ import annotations

import pytest

from anabranch import Cut
from eventlog import Append
from eventlog.errors import KeyReusedError
from eventlog.log import Appended
from eventlog.log.repeated_appends import RepeatedAppends
from eventlog.log.sql_log import SqlLog
from eventlog.registry.database import Database
from tests.contracts.log import START, anonymous, keyed, numbered, read_all, records


def together(log: SqlLog, *appends: Append) -> list[Appended | Exception]:
    """What becomes of appends that are committed at once: they queue up while another holds the lock of the writers."""
    with log.database.write() as connection:
        connection.exec_driver_sql("UPDATE heads SET next = next")
        before = log.submit(anonymous(0))
        futures = [log.submit(append) for append in appends]
    before.result()
    return [future.exception() or future.result() for future in futures]  # type: ignore[misc]  # no BaseException


def test_of_two_with_one_key_in_one_commit_the_first_is_carried_out(database: Database) -> None:
    log = SqlLog(database)
    first, other, second, wrong = together(
        log,
        keyed(anonymous(2), "k"),
        numbered(3),
        keyed(anonymous(2), "k"),
        keyed(anonymous(5), "k", "something else"),
    )
    assert isinstance(first, Appended)
    assert isinstance(other, Appended)
    assert isinstance(second, Appended)
    assert (first.accepted, first.told, other.accepted) == (2, None, 3)
    assert second.told is not None
    assert second.told.answer == b"2 0 0:2"
    assert isinstance(wrong, KeyReusedError)
    assert len(records(read_all(log))) == 5
    log.close()


def test_a_repetition_harms_no_other_request_of_its_commit(database: Database) -> None:
    log = SqlLog(database)
    log.append(keyed(anonymous(1), "k"))
    found = together(
        log, numbered(2), keyed(anonymous(1), "k"), keyed(anonymous(1), "k", "else"), keyed(anonymous(1), "new")
    )
    assert [getattr(done, "accepted", None) for done in found] == [2, 0, None, 1]
    assert log.end() == Cut((4,))
    log.close()


def test_a_key_is_known_to_every_process_and_after_a_restart(database: Database) -> None:
    one, two = SqlLog(database), SqlLog(database)
    one.append(keyed(anonymous(2), "k"))
    assert two.append(keyed(anonymous(2), "k")).told is not None
    one.close()
    two.close()
    again = SqlLog(database)
    assert again.append(keyed(anonymous(2), "k")).told is not None
    assert again.end() == Cut((2,))
    again.close()


def test_who_was_first_is_asked_once_a_key() -> None:
    asked: list[str] = []
    appends = [keyed(anonymous(1), "a"), keyed(anonymous(1), "b"), keyed(anonymous(1), "a"), anonymous(1)]
    repeated = RepeatedAppends(asked.append, appends)
    assert asked == ["a", "b"]
    assert [repeated.is_new(place) for place in range(4)] == [True, True, False, True]


@pytest.mark.parametrize("events", [0, 1])
def test_an_answer_that_cannot_be_made_leaves_nothing(database: Database, events: int) -> None:
    def fails(done: Appended) -> bytes:
        raise ArithmeticError(done)

    log = SqlLog(database)
    append = keyed(anonymous(events), "k")
    assert append.request is not None
    object.__setattr__(append.request, "answer", fails)
    with pytest.raises(ArithmeticError):
        log.append(append)
    assert (log.answered("k"), log.end()) == (None, START)
    log.close()
