"""Small files of the lake are merged: fewer files, the same records, columns that tell what the events say."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import duckdb
import orjson
import pytest
from deltalake.transaction import AddAction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from anabranch import App, Cut, Stream
from eventlog.errors import ArchiveError, LakeDamagedError
from eventlog.lake import Lake
from eventlog.lake.compaction import FAN_IN, MOST_BYTES, MOST_FILES, MOST_RECORDS, SIZES, compact, due, remove_merged
from eventlog.lake.data_file import DataFile
from eventlog.lake.data_file_writer import add_action
from eventlog.lake.mending import mend_commits
from eventlog.lake.typed_columns import untold_columns
from eventlog.log.segment import Record, Segment
from eventlog.store.blobs import Blobs
from eventlog.store.opening import open_store
from tests.eventlog.lake.conftest import segment
from tests.eventlog.lake.test_data_file import flip


class Ride(BaseModel):
    n: int


class RideWithMore(Ride):
    seats: int = 4
    tags: list[str] = ["new"]
    about: dict[str, int] | None = None


OLD, NEW = (App("a").stream("rides", model) for model in (Ride, RideWithMore))
PLACE = "_partition, _offset, epoch_us(_time), epoch_us(_appended), _id, _key, _data"


def nothing() -> None:
    """Nobody took over."""


def records(lake: Lake) -> list[Record]:
    found: list[Record] = []
    while segments := lake.read(Cut((found[-1].offset + 1 if found else 0,))):
        found += [record for each in segments for record in each.records()]
    return found


def rows(lake: Lake, columns: str = PLACE, stream: str = "rides") -> list[tuple[object, ...]]:
    """What SQL finds in the files, in their order."""
    files = lake.files(stream, 0, 10**9)
    return duckdb.execute(f"SELECT {columns} FROM read_parquet({files}, union_by_name = true)").fetchall()


def fill(lake: Lake, count: int, stream: Stream | str = "rides", first: int = 0, size: int = 3) -> int:
    """So many small files; returns the offset after them."""
    name = stream if isinstance(stream, str) else stream.name
    for start in range(first, first + count * size, size):
        lake.archive(stream, [segment(start, size, name)], start + size)
    return first + count * size


def file(first: int, records: int, bytes_: int = 1_000, digest: str | None = "0" * 64) -> DataFile:
    return DataFile(first, first + records, f"lake/rides/{first}", records, bytes_, digest)


def files(*sizes: int) -> list[DataFile]:
    found, first = [], 0
    for size in sizes:
        found.append(file(first, size))
        first += size
    return found


def test_what_is_merged_are_ten_of_a_size_and_the_smaller_ones_between_them() -> None:
    assert list(due(files(*[5] * 9))) == []
    assert list(due(files(*[5] * 10))) == [files(*[5] * 10)]
    assert list(due(files(2_000, *[5] * 9))) == [], "nine small ones and a larger one are not ten"
    between = files(*[2_000] * 5, 7, *[3_000] * 5, 8)
    assert list(due(between)) == [between]
    large = files(*[5] * 9, SIZES[-1], *[5] * 9)
    assert list(due(large)) == [], "a large one divides them"
    assert list(due([file(n, 1, digest=None) for n in range(20)])) == [], "they get their digests first"


@given(st.lists(st.integers(1, 2 * SIZES[-1]), max_size=80), st.integers(1, 20_000_000))
def test_what_is_merged_stays_within_what_a_run_does(sizes: list[int], bytes_: int) -> None:
    chosen = list(due([file(n * 10**6, size, bytes_) for n, size in enumerate(sizes)]))
    for group in chosen:
        assert len(group) <= MOST_FILES
        assert len(group) == 1 or sum(each.records or 0 for each in group) <= MOST_RECORDS
        assert len(group) == 1 or sum(each.bytes for each in group) <= MOST_BYTES
        assert all((each.records or 0) < SIZES[-1] for each in group)


def test_a_table_of_any_number_of_runs_has_some_thirty_small_files_and_records_are_seldom_written_anew() -> None:
    table: list[DataFile] = []
    written = end = 0
    for number in range(5_000):
        table.append(file(end, 1 + number % 90))
        end = table[-1].end
        for group in due(table):
            place = table.index(group[0])
            merged = file(group[0].first, sum(each.records or 0 for each in group))
            table[place : place + len(group)] = [merged]
            written += merged.records or 0
        assert len(table) <= FAN_IN * len(SIZES) + end // SIZES[-1]
    assert written <= 5 * end


def test_the_records_and_how_they_are_found_stay_as_they_were(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake", lambda: "the log")
    end = fill(lake, 5, OLD)
    lake.archive("walks", [segment(end, 4, "walks")], end + 4)
    end = fill(lake, 6, OLD, first=end + 4)
    before, told, archived = records(lake), rows(lake, f"{PLACE}, n"), lake.archived("rides")
    assert compact(lake, {"rides": OLD}, nothing) == 11
    for reader in (lake, Lake(lake.root)):
        assert records(reader) == before
        assert rows(reader, f"{PLACE}, n") == told
        assert (reader.archived("rides"), reader.count("rides")) == (archived, 33)
        assert len(reader.files("rides", 0, end)) == 1
        found = reader.find("rides", "i25")
        assert found is not None
        assert found.offset == 25
        reader.check_whole(end)
        reader.glance()
        assert list(reader.damages(end)) == []
    assert lake.log_ids()["rides"] == "the log"
    assert compact(lake, {"rides": OLD}, nothing) == 0
    assert lake.archive(OLD, [segment(end, 2)], end + 2) == 2
    lake.check_whole(end + 2)


def test_a_field_that_older_files_lack_has_its_default_in_the_merged_one(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    end = fill(lake, 6, OLD)
    for first in range(end, end + 5):
        said = orjson.dumps({"n": first, "seats": first, "tags": [], "about": {"x": 1}})
        lake.archive(NEW, [Segment.of(0, first, "rides", 9, [0], [f"i{first}"], [None], [said])], first + 1)
    assert compact(lake, {"rides": NEW}, nothing) == 11
    (path,) = lake.files("rides", 0, 100)
    assert untold_columns(path, ["n", "seats", "tags", "about"]) == frozenset()
    assert rows(lake, "n, seats, tags, about") == [
        *((n, 4, ["new"], None) for n in range(end)),
        *((n, n, [], '{"x":1}') for n in range(end, end + 5)),
    ]


def test_of_a_stream_without_definition_only_files_that_tell_the_same_are_merged_and_keep_it(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    end = fill(lake, 5, OLD)
    fill(lake, 6, NEW, first=end)
    before = rows(lake, f"{PLACE}, n, seats, tags")
    assert compact(lake, {}, nothing) == 11
    assert [(each.first, each.end) for each in lake.table("rides").data_files()] == [(0, 15), (15, 33)]
    assert rows(lake, f"{PLACE}, n, seats, tags") == before
    first, second = lake.files("rides", 0, 99)
    assert "seats" in untold_columns(first, ["n", "seats"])
    assert untold_columns(second, ["n", "seats", "tags"]) == frozenset()


def test_a_field_that_the_application_has_no_longer_keeps_its_column(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    fill(lake, 11, NEW)
    before = rows(lake, f"{PLACE}, n, seats, tags")
    assert compact(lake, {"rides": OLD}, nothing) == 11
    assert rows(lake, f"{PLACE}, n, seats, tags") == before


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.integers(1, 4), st.integers(0, 3), st.text(max_size=3), st.sampled_from(["rides", "walks"])),
        min_size=20,
        max_size=40,
    )
)
def test_whatever_was_archived_reads_the_same_after_any_number_of_merges(
    tmp_path_factory: pytest.TempPathFactory, runs: list[tuple[int, int, str, str]]
) -> None:
    lake = Lake(tmp_path_factory.mktemp("lake"))
    end = 0
    for count, gap, text, stream in runs:
        events = [orjson.dumps({"n": end + place, "text": text}) for place in range(count)]
        ids: list[str | None] = [f"{text}{end + place}" if place else None for place in range(count)]
        found = Segment.of(
            0, end, stream, end + gap, [place * 7 for place in range(count)], ids, [text] * count, events
        )
        lake.archive(OLD if stream == "rides" else stream, [found], end + count)
        end += count
    before = records(lake)
    merged = compact(lake, {"rides": OLD}, nothing)
    assert merged >= FAN_IN
    assert records(Lake(lake.root)) == before
    assert {name: rows(lake, "_offset", name) for name in lake.streams()} == {
        name: [(record.offset,) for record in before if record.stream == name] for name in lake.streams()
    }


def test_old_files_stay_until_what_they_were_merged_into_is_old_enough(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    end = fill(lake, 10)
    old = [Path(path) for path in lake.files("rides", 0, end)]
    compact(lake, {}, nothing)
    (made,) = map(Path, lake.files("rides", 0, end))
    modified = made.stat().st_mtime_ns // 1_000
    assert remove_merged(lake, modified) == 0
    assert all(path.exists() for path in old), "somebody may read them still"
    beside = made.with_name(made.name.replace("-30-", "-31-", 1))
    os.link(made, beside)
    assert remove_merged(lake, modified + 1) == 11
    assert sorted(made.parent.glob("*.parquet")) == [made]
    lake.check_whole(end)
    assert remove_merged(lake, modified + 1) == 0


def test_what_nobody_has_merged_is_never_removed(tmp_path: Path) -> None:
    """A file of a run that was killed holds what a lost commit told, for `mend_commits`."""
    lake = Lake(tmp_path / "lake")
    end = fill(lake, 4)
    (max((lake.root / "rides" / "_delta_log").glob("*.json"))).unlink()
    assert remove_merged(lake, 2**62) == 0
    assert len(list(mend_commits(lake, {}))) == 1
    lake.check_whole(end)


def cut_short(table: Path) -> None:
    """The commit of a merge was lost, or never written."""
    max((table / "_delta_log").glob("*.json")).unlink()


def all_lost(table: Path) -> None:
    for path in (table / "_delta_log").iterdir():
        path.unlink()


@pytest.mark.parametrize("lost", [cut_short, all_lost])
def test_a_merge_whose_commit_is_lost_loses_nothing_and_is_done_again(
    tmp_path: Path, lost: Callable[[Path], None]
) -> None:
    lake = Lake(tmp_path / "lake")
    end = fill(lake, 10)
    before = records(lake)
    compact(lake, {}, nothing)
    lost(lake.root / "rides")
    list(mend_commits(lake, {}))
    assert records(lake) == before
    compact(lake, {}, nothing)
    assert len(lake.files("rides", 0, end)) == 1
    assert records(Lake(lake.root)) == before


def test_a_run_that_was_overtaken_merges_nothing_more(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    for name in ("rides", "walks"):
        fill(lake, 10, name, first=lake.archived("rides"))

    def overtaken() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        compact(lake, {}, overtaken)
    assert len(lake.files("rides", 0, 99)) == 10


def test_of_two_that_merge_the_same_one_is_told_and_the_table_is_whole(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    end = fill(lake, 10)
    before = records(lake)

    def meanwhile() -> None:
        other = Lake(lake.root)
        other.archive("rides", [segment(end, 3)], end + 3)
        compact(other, {}, nothing)

    with pytest.raises(ArchiveError):
        compact(lake, {}, meanwhile)
    assert records(lake)[:end] == before
    lake.check_whole(end + 3)


def test_of_two_exchanges_of_one_state_one_fails(tmp_path: Path) -> None:
    """Delta Lake takes it for no conflict that both remove a file, if no record changes."""
    lake = Lake(tmp_path / "lake")
    fill(lake, 4)
    table = lake.table("rides")
    first, second, third, last = table.data_files()

    def made(gone: Sequence[DataFile], name: str) -> AddAction:
        return add_action(replace(gone[0], name=f"lake/rides/{name}", end=gone[-1].end), data_change=False)

    def meanwhile() -> Iterator[AddAction]:
        Lake(lake.root).table("rides").exchange([first, second, third], [made([first, second, third], "other")])
        yield made([first, second], "own")

    with pytest.raises(ArchiveError, match="Concurrent transaction"):
        table.exchange([first, second], meanwhile())
    assert [found.file_name for found in table.data_files()] == ["other", last.file_name]


def test_a_damaged_file_is_merged_into_nothing(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    end = fill(lake, 10)
    flip(Path(lake.files("rides", 3, 6)[0]))
    with pytest.raises(LakeDamagedError, match="from 0:3 to before 0:6"):
        compact(lake, {}, nothing)
    assert len(lake.table("rides").data_files()) == 10
    assert end == lake.archived("rides")


def test_files_in_a_bucket_are_merged_and_removed_there(bucket: str, tmp_path: Path) -> None:
    lake = Lake(Blobs(open_store(bucket), tmp_path / "one"))
    end = fill(lake, 10, OLD)
    before = records(lake)
    assert compact(lake, {"rides": OLD}, nothing) == 10
    other = Lake(Blobs(open_store(bucket), tmp_path / "other"))
    assert records(other) == before
    assert remove_merged(other, 2**62) == 10
    assert len([found for found in other.blobs.store.list("lake/rides") if "_delta_log" not in found.name]) == 1
    other.check_whole(end)
