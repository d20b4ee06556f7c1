"""Whose a home is."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from infra.home import exposure_of, masked, prepared


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_home_is_its_owners_alone_and_the_folders_above_it_are_as_usual(tmp_path: Path) -> None:
    with masked(0o022):
        home = prepared(tmp_path / "a" / "home")
    assert (mode_of(home), mode_of(home.parent)) == (0o700, 0o755)
    assert exposure_of(home) is None


@pytest.mark.parametrize("mode", [0o755, 0o711, 0o770, 0o2775])
def test_a_home_that_is_open_is_closed_with_what_lies_in_it(tmp_path: Path, mode: int) -> None:
    home = tmp_path / "home"
    (home / "checkpoints").mkdir(parents=True)
    (home / "log.db").touch(0o644)
    (home / "lake").symlink_to(tmp_path)
    home.chmod(mode)
    tmp_path.chmod(0o755)

    prepared(home)

    assert [mode_of(path) for path in (home, home / "checkpoints", home / "log.db")] == [0o700, 0o700, 0o600]
    assert mode_of(tmp_path) == 0o755, "what a link leads to lies elsewhere"


@pytest.mark.parametrize("mode", [0o755, 0o1777])
def test_a_folder_that_others_use_is_left_as_it_is_and_told(tmp_path: Path, mode: int) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / ("letter.txt" if mode == 0o755 else "log.db")).touch()
    shared.chmod(mode)

    prepared(shared)

    assert mode_of(shared) == mode
    exposure = exposure_of(shared)
    assert exposure is not None
    assert f"mode {mode:04o}" in exposure


def test_a_umask_is_put_back_whatever_happens() -> None:
    with masked(0o022), masked(0o077) as before:
        assert before == 0o022
        with pytest.raises(RuntimeError), masked(0o027):
            raise RuntimeError
        with masked(0o077) as before:
            assert before == 0o077
