"""Checkpoints that homes share by a store: from one home to another, which of them stay, and what they need."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest

from anabranch import App, Cut
from eventlog.home_key import HomeKey
from eventlog.log.memory_log import MemoryLog
from eventlog.registry.replicas import Need
from eventlog.store.errors import StoreUnavailableError
from eventlog.store.memory_store import MemoryStore
from eventlog.store.store import Listed
from speed.checkpoint import Checkpoints
from speed.checkpointing import SHARED_SECONDS, Checkpointing
from speed.fold import apply
from speed.recovery import recover
from speed.shared_checkpoints import SharedCheckpoints
from speed.state import SpeedState
from tests.home_key import KEY
from tests.speed.conftest import append


class AwayStore(MemoryStore):
    """A store that cannot be asked until it is back."""

    is_away = True

    def list(self, folder: str) -> Iterator[Listed]:
        self._ask(folder)
        return super().list(folder)

    def create(self, name: str, content: bytes | Path, *, durable: bool = True) -> bool:
        self._ask(name)
        return super().create(name, content, durable=durable)

    def _ask(self, name: str) -> None:
        if self.is_away:
            raise StoreUnavailableError(self.url, name, TimeoutError("planted"))


class SlowStore(MemoryStore):
    """A store that answers when it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.may_answer = Event()

    def list(self, folder: str) -> Iterator[Listed]:
        assert self.may_answer.wait(30)
        return super().list(folder)


@pytest.fixture
def log() -> MemoryLog:
    log = MemoryLog()
    log.append(append(5))
    return log


def home(folder: Path, store: MemoryStore, log: MemoryLog, key: HomeKey = KEY) -> Checkpoints:
    return Checkpoints(folder, key, log, SharedCheckpoints(store))


def folded(app: App, log: MemoryLog) -> SpeedState:
    state = SpeedState()
    for segment in log.read(Cut()):
        apply(state, segment, app, lambda publication: True)
    return state


def test_an_empty_home_goes_on_from_what_another_of_its_key_has_shared(
    app: App, log: MemoryLog, tmp_path: Path
) -> None:
    store = MemoryStore()
    first, second = home(tmp_path / "first", store, log), home(tmp_path / "second", store, log)
    first.share(first.save(folded(app, log), app))
    found = recover(app, log, second, lambda publication: True, None)
    assert (found.from_checkpoint, found.problems) == (True, [])
    known = recover(app, log, first, lambda publication: True, None).state
    assert (found.state.cut, found.state.epochs) == (known.cut, known.epochs)
    assert [path.name for path in second.newest_first()] == [path.name for path in first.newest_first()]


def test_what_a_home_of_another_key_has_shared_is_named_and_not_opened(
    app: App, log: MemoryLog, tmp_path: Path
) -> None:
    store = MemoryStore()
    first = home(tmp_path / "first", store, log)
    first.share(first.save(folded(app, log), app))
    other = home(tmp_path / "other", store, log, HomeKey(b"another key of thirty-two letters"))
    found = recover(app, log, other, lambda publication: True, None)
    assert found.state.cut == Cut()
    assert "not made with the key" in found.problems[0]


def test_a_home_with_a_checkpoint_asks_no_store_and_one_without_waits_for_it(
    app: App, log: MemoryLog, tmp_path: Path
) -> None:
    own = home(tmp_path / "own", AwayStore(), log)
    own.save(folded(app, log), app)
    assert recover(app, log, own, lambda publication: True, None).from_checkpoint
    with pytest.raises(StoreUnavailableError):
        recover(app, log, home(tmp_path / "none", AwayStore(), log), lambda publication: True, None)


def test_the_newest_two_stay_and_tell_what_they_need(tmp_path: Path) -> None:
    store = MemoryStore()
    shared = SharedCheckpoints(store)
    store.create("checkpoints/something-else", b"")
    for cut, generation in ((3, None), (9, 2), (5, 1)):
        path = tmp_path / f"{cut}"
        path.write_text(str(cut))
        shared.put(path, Need(cut, generation))
        shared.put(path, Need(cut, generation))  # as after an answer that was lost
    assert shared.needs() == [Need(9, 2), Need(5, 1)]
    assert [path.read_text() for path in shared.fetched(tmp_path / "home")] == ["9", "5"]


def test_one_is_shared_now_and_then_beside_the_fold_and_again_soon_if_that_failed(
    app: App, log: MemoryLog, tmp_path: Path
) -> None:
    now, store, back = [0.0], MemoryStore(), AwayStore()
    policy = Checkpointing(app, home(tmp_path, store, log), 30.0, 1_000, lambda: now[0])

    def saved(upto: int) -> list[int]:
        assert policy.save(SpeedState(Cut((upto,)))) is None
        policy.close()
        return sorted(need.cut for need in SharedCheckpoints(store).needs())

    assert saved(1) == [1]
    assert saved(2) == [1]
    now[0] = SHARED_SECONDS
    assert saved(3) == [1, 3]

    other = Checkpointing(app, home(tmp_path / "other", back, log), 30.0, 1_000, lambda: now[0])
    assert other.save(SpeedState(Cut((1,)))) is None, "the home has its own"
    other.close()
    back.is_away = False
    assert other.save(SpeedState(Cut((4,)))) is None
    other.close()
    assert SharedCheckpoints(back).needs() == [Need(4, None)]


def test_the_fold_does_not_wait_for_the_store_and_what_is_needed_is_told_once_that_has_answered(
    app: App, log: MemoryLog, tmp_path: Path
) -> None:
    now, told, store = [0.0], list[Need](), SlowStore()
    policy = Checkpointing(app, home(tmp_path, store, log), 30.0, 1_000, lambda: now[0], told.append)
    assert policy.save(SpeedState(Cut((7,)))) is None
    policy.remind()
    assert told == [], "what others have shared is not known yet"
    store.may_answer.set()
    policy.close()
    assert told == [Need(7, None)]
    assert policy.save(SpeedState(Cut((9,)))) is None
    policy.close()
    assert told[1:] == [Need(7, None)], "the one that was shared is needed, too"
