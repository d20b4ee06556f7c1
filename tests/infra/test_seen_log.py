"""A log that ends before what the home has seen of it is found out before anything is accepted."""

from __future__ import annotations

from pathlib import Path

import pytest

from anabranch import Cut
from infra.errors import LogBehindError
from infra.seen_log import check_log_reaches
from speed.checkpoint import Checkpoints
from tests.home_key import KEY

DIGEST = 64 * "0"


def check(home: Path, end: int) -> None:
    check_log_reaches(home, lambda: Cut((end,)), Checkpoints(home / "checkpoints", KEY))


def made(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def test_a_new_home_has_seen_nothing(tmp_path: Path) -> None:
    check(tmp_path, 0)


def test_what_the_lake_and_the_checkpoints_have_seen_must_be_in_the_log(tmp_path: Path) -> None:
    archived = made(tmp_path / "lake" / "rides" / f"{0:020d}-{500:020d}-400-{DIGEST}.parquet")
    checkpoint = made(tmp_path / "checkpoints" / f"{600:020d}.checkpoint")
    made(tmp_path / "lake" / "rides" / "part-00000-c000.zstd.parquet")
    check(tmp_path, 600)
    with pytest.raises(LogBehindError, match=r"the log ends at 0:599, but .* everything before 0:600") as found:
        check(tmp_path, 599)
    assert found.value.path == checkpoint
    checkpoint.unlink()
    check(tmp_path, 599)
    with pytest.raises(LogBehindError) as found:
        check(tmp_path, 0)
    assert found.value.path == archived


def test_where_the_log_ends_is_asked_last_because_a_service_may_be_at_work(tmp_path: Path) -> None:
    def end() -> Cut:
        made(tmp_path / "checkpoints" / f"{9:020d}.checkpoint")  # written while the files were looked at
        return Cut((5,))

    check_log_reaches(tmp_path, end, Checkpoints(tmp_path / "checkpoints", KEY))
