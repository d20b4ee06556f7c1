"""Every commit of the lake tells which log it is of."""

from __future__ import annotations

from pathlib import Path

from deltalake import DeltaTable
from pydantic import create_model

from anabranch import App
from eventlog.lake import Lake
from eventlog.lake.mending import mend_commits
from tests.eventlog.lake.conftest import segment


def test_every_commit_tells_the_log_also_one_that_makes_columns_or_mends(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake", lambda: "the log")
    lake.archive("rides", [segment(0, 3)], 3)
    lake.archive(App("a").stream("rides", create_model("Ride", n=(int, ...))), [segment(3, 3)], 6)
    table = DeltaTable(str(lake.root / "rides"))
    assert {commit.get("anabranch.log") for commit in table.history()} == {"the log"}
    (lake.root / "rides" / "_delta_log" / f"{1:020d}.json").unlink()
    assert len(list(mend_commits(lake, {}))) == 1
    assert lake.log_ids() == {"rides": "the log"}


def test_a_lake_of_the_release_before_tells_none_until_something_is_archived(tmp_path: Path) -> None:
    earlier = Lake(tmp_path / "lake")
    for name in ("rides", "walks"):
        earlier.archive(name, [segment(0, 3, name)], 3)
    lake = Lake(tmp_path / "lake", lambda: "the log")
    assert lake.log_ids() == {}
    lake.archive("rides", [segment(3, 3)], 6)
    assert lake.log_ids() == {"rides": "the log"}


def test_of_logs_whose_tables_were_mixed_each_is_told(tmp_path: Path) -> None:
    Lake(tmp_path / "lake", lambda: "log of rides").archive("rides", [segment(0, 3, "rides")], 3)
    Lake(tmp_path / "lake", lambda: "log of walks").archive("walks", [segment(0, 3, "walks")], 3)
    assert Lake(tmp_path / "lake").log_ids() == {"rides": "log of rides", "walks": "log of walks"}
