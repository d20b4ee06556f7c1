"""The parts of a process: made from the settings, or refused with what is wrong in them."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any, cast

import pytest

from anabranch import Cut
from batch.generations import Generations
from eventlog.decisions import publications
from eventlog.home_key import HomeKey
from eventlog.registry.replicas import Need
from eventlog.store import Store
from eventlog.store.blobs import Blobs
from eventlog.store.errors import StoreUnavailableError
from infra.composition import opened
from infra.errors import UsageError
from infra.settings import Settings
from speed.state import SpeedState
from tests.batch.conftest import APPLICATION, Home, home
from tests.batch.rides import rides
from tests.buckets import environment

__all__ = ["home"]


@pytest.mark.parametrize("character", ["[", "]", "*", "\\", "?", "|", "^", "\n"])
def test_a_home_that_an_engine_cannot_take_is_refused(tmp_path: Path, character: str) -> None:
    (tmp_path / f"a{character}b").mkdir()
    linked = tmp_path / "link"
    linked.symlink_to(tmp_path / f"a{character}b")
    for folder in (tmp_path / f"a{character}b" / "home", linked):
        with (
            pytest.raises(UsageError, match="in its path, which Delta Lake and DuckDB cannot take"),
            opened(Settings.load(home=folder)),
        ):
            pass


def test_homes_that_were_given_one_key_know_what_each_other_wrote_and_make_none(tmp_path: Path) -> None:
    macs = []
    for name in "ab":
        with opened(Settings.load(home=tmp_path / name, home_key="a key that several homes share, long")) as process:
            macs.append(process.key.mac("test", b"content"))
        assert not (tmp_path / name / "key").exists()
    assert len(set(macs)) == 1


def test_a_home_without_a_given_key_makes_its_own(tmp_path: Path) -> None:
    for _ in range(2):
        with opened(Settings.load(home=tmp_path)) as process:
            assert process.key.made(HomeKey.of(tmp_path).mac("test", b"content"), "test", b"content")


def test_the_store_is_the_home_unless_another_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(Settings.load(home=tmp_path / "home")) as process:
        assert process.store.url == str(tmp_path / "home")
        assert process.blobs.cache == tmp_path / "home" / "cache"
    monkeypatch.chdir(tmp_path)
    with opened(Settings.load(home=tmp_path / "home", store="shared/store")) as process:
        assert process.store.url == str(tmp_path / "shared" / "store")
    assert stat.S_IMODE((tmp_path / "shared" / "store").stat().st_mode) == 0o700
    with opened(Settings.load(home=tmp_path / "home", store="s3://bucket/prefix")) as process:
        assert process.store.url == "s3://bucket/prefix"


def test_a_store_that_cannot_be_opened_is_refused_with_its_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_NAME", raising=False)
    (tmp_path / "file").touch()
    for store in ("az://container", str(tmp_path / "a*b"), str(tmp_path / "file" / "below")):
        with (
            pytest.raises(UsageError, match=r"^ANABRANCH_STORE"),
            opened(Settings.load(home=tmp_path / "home", store=store)),
        ):
            pass


def test_a_store_that_is_away_is_waited_for_by_who_only_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment("http://127.0.0.1:1").items():
        monkeypatch.setenv(name, value)
    with opened(Settings.load(home=tmp_path / "home", store="s3://bucket/prefix")) as process:
        process.check_store(may_be_away=True)
        with pytest.raises(StoreUnavailableError):
            process.check_store(may_be_away=False)


class AwayAtTimes:
    """A store that answers nothing while it is away; see `eventlog.store.Store`."""

    def __init__(self, store: Store):
        self._store = store
        self.is_away = False

    def __getattr__(self, name: str) -> Any:
        if self.is_away:
            raise StoreUnavailableError(self._store.url, name, TimeoutError("503 Slow Down"))
        return getattr(self._store, name)


def test_whether_a_generation_can_be_served_is_not_decided_while_the_store_is_away(home: Home) -> None:
    home.post("rides", rides(50))
    home.run()
    with opened(Settings.load(app=APPLICATION, home=home.path)) as process:
        (publication,) = publications(process.log)
        store = AwayAtTimes(process.store)
        process.generations = Generations(Blobs(cast("Store", store), process.home / "cache"))
        store.is_away = True
        for _ in range(2):
            with pytest.raises(StoreUnavailableError):
                process.can_serve(publication)
        assert process.problems == []
        store.is_away = False
        assert process.can_serve(publication)
        store.is_away = True  # what is decided stays so
        assert process.can_serve(publication)


def test_what_is_damaged_for_good_is_decided_once_and_told_once(home: Home) -> None:
    home.post("rides", rides(50))
    home.run()
    for path in (home.path / "blobs").iterdir():
        path.unlink()
    with opened(Settings.load(app=APPLICATION, home=home.path)) as process:
        (publication,) = publications(process.log)
        assert not process.can_serve(publication)
        assert not process.can_serve(publication)
        assert len(process.problems) == 1


def test_a_batch_run_keeps_what_the_checkpoints_of_an_earlier_release_need(tmp_path: Path) -> None:
    with opened(Settings.load(app=APPLICATION, home=tmp_path)) as process:
        process.keep_needs()
        assert process.replicas.all() == []
        process.checkpoints.save(SpeedState(Cut((7,))), process.app)
        process.keep_needs()
        assert [replica.need for replica in process.replicas.all()] == [Need(7, None)]
