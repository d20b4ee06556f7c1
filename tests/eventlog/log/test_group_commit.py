from __future__ import annotations

from threading import Event

import pytest

from anabranch import Cut
from eventlog import Append, Appended
from eventlog.errors import LogBusyError, LogUnavailableError
from eventlog.log.group_commit import MAX_QUEUED_BYTES, Committer, QueuedAppend
from eventlog.registry.leases import Lease


class Store:
    """Commits to a list, when it is let; fails for bad data."""

    def __init__(self) -> None:
        self.commits: list[list[bytes]] = []
        self.begun = Event()
        self.may_go_on = Event()

    def commit(self, requests: list[QueuedAppend]) -> list[Appended]:
        self.begun.set()
        self.may_go_on.wait()
        data = [request.append.data[0] for request in requests]
        if b"bad" in data:
            raise TypeError("bad")
        if b"away" in data:
            raise LogUnavailableError("away")
        self.commits.append(data)
        return [Appended(Cut((len(self.commits),)), 1, 0) for _ in requests]


def request(data: bytes, lease: Lease | None = None) -> QueuedAppend:
    return QueuedAppend(Append("s", [None], [None], [None], [data]), lease)


@pytest.fixture
def store() -> Store:
    return Store()


def test_what_comes_during_a_commit_is_committed_together_in_order(store: Store) -> None:
    committer = Committer(store.commit)
    first = committer.submit(request(b"0"), block=False)
    store.begun.wait()
    others = [committer.submit(request(b"%d" % number), block=False) for number in range(1, 5)]
    store.may_go_on.set()
    assert first.result().position == Cut((1,))
    assert [future.result().position for future in others] == [Cut((2,))] * 4
    assert store.commits == [[b"0"], [b"1", b"2", b"3", b"4"]]
    committer.close()


def test_a_fenced_request_has_a_commit_of_its_own(store: Store) -> None:
    committer = Committer(store.commit)
    committer.submit(request(b"0"), block=False)
    store.begun.wait()
    last = [
        committer.submit(request(data, lease), block=False)
        for data, lease in ((b"1", None), (b"2", Lease("batch")), (b"3", None), (b"4", None))
    ][-1]
    store.may_go_on.set()
    last.result()
    assert store.commits == [[b"0"], [b"1"], [b"2"], [b"3", b"4"]]
    committer.close()


def test_one_bad_request_fails_alone(store: Store) -> None:
    committer = Committer(store.commit)
    committer.submit(request(b"0"), block=False)
    store.begun.wait()
    futures = [committer.submit(request(data), block=False) for data in (b"1", b"bad", b"3")]
    store.may_go_on.set()
    assert [type(future.exception()) for future in futures] == [type(None), TypeError, type(None)]
    assert store.commits == [[b"0"], [b"1"], [b"3"]]
    committer.close()


def test_an_unavailable_database_fails_all_at_once_and_the_thread_lives_on(store: Store) -> None:
    store.may_go_on.set()
    committer = Committer(store.commit)
    assert type(committer.submit(request(b"away"), block=False).exception()) is LogUnavailableError
    assert committer.submit(request(b"1"), block=False).result().accepted == 1
    committer.close()


def test_a_full_queue_is_busy_and_an_append_of_any_size_passes_an_empty_one(store: Store) -> None:
    committer = Committer(store.commit)
    huge = b"x" * (MAX_QUEUED_BYTES + 1)
    committer.submit(request(huge), block=False)
    store.begun.wait()
    waiting = committer.submit(request(huge), block=False)
    with pytest.raises(LogBusyError):
        committer.submit(request(b"1"), block=False)
    store.may_go_on.set()
    waiting.result()
    assert committer.submit(request(b"1"), block=True).result().accepted == 1
    committer.close()


def test_a_request_that_was_cancelled_while_it_waited_is_not_written(store: Store) -> None:
    committer = Committer(store.commit)
    committer.submit(request(b"0"), block=False)
    store.begun.wait()
    cancelled, other = (committer.submit(request(data), block=False) for data in (b"1", b"2"))
    assert cancelled.cancel()
    store.may_go_on.set()
    other.result()
    committer.close()
    assert store.commits == [[b"0"], [b"2"]]


def test_closing_commits_what_is_queued(store: Store) -> None:
    committer = Committer(store.commit)
    futures = [committer.submit(request(b"%d" % number), block=False) for number in range(3)]
    store.may_go_on.set()
    committer.close()
    assert all(future.done() for future in futures)
    with pytest.raises(LogUnavailableError, match="closed"):
        committer.submit(request(b"9"), block=True)
