"""Files of the lake are held against what their table says, before anybody reads them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from deltalake import CommitProperties, Transaction, write_deltalake

from anabranch import Cut
from eventlog.errors import LakeDamagedError
from eventlog.lake import Lake
from eventlog.lake.columns import record_batch, schema_of
from eventlog.lake.digests import give_digests, remove_old_names
from eventlog.lake.file_name import FileName, ends_by_file
from tests.eventlog.lake.conftest import segment


def flip(path: Path, place: float = 0.5) -> None:
    content = bytearray(path.read_bytes())
    content[int(place * (len(content) - 1))] ^= 1
    path.write_bytes(content)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def older(path: Path) -> None:
    """Put another sound file of the table in its place."""
    path.write_bytes(min(path.parent.glob("*.parquet")).read_bytes())


READERS: dict[str, Callable[[Lake], object]] = {
    "files": lambda lake: lake.files("rides", 0, 40),
    "read": lambda lake: lake.read(Cut()),
    "read_stream": lambda lake: list(lake.read_stream("rides", 0, 40)),
    "events": lambda lake: list(lake.events("rides", 40)),
    "find": lambda lake: lake.find("rides", "none"),
    "check": lambda lake: lake.check(0, 40),
}


def test_the_name_of_a_file_tells_what_it_holds_and_its_sha256(whole: Lake) -> None:
    for path in map(Path, whole.files("rides", 0, 40)):
        name = FileName.of(path.name)
        assert name is not None
        offsets = pq.read_table(path)["_offset"].to_pylist()
        assert (name.first, name.end, name.records) == (offsets[0], offsets[-1] + 1, len(offsets))
        assert name.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert max(ends_by_file(whole.root))[0] == 40


@pytest.mark.parametrize("damage", [flip, cut, empty, older, Path.unlink])
@pytest.mark.parametrize("reader", READERS)
def test_no_reader_takes_anything_from_a_damaged_file_and_each_says_which_it_is(
    whole: Lake, damage: Callable[[Path], None], reader: str
) -> None:
    (damaged,) = whole.files("rides", 10, 20)
    damage(Path(damaged))
    with pytest.raises(LakeDamagedError, match=r"stream 'rides' from 0:10 to before 0:20\. Mend it") as found:
        READERS[reader](Lake(whole.root))
    assert str(found.value.path) == damaged
    assert [d.path for d in whole.damages(40)] == [found.value.path], "who had checked it before notices as well"


@pytest.mark.parametrize("place", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_a_single_bit_counts_wherever_it_is(whole: Lake, place: float) -> None:
    flip(Path(whole.files("rides", 10, 20)[0]), place)
    with pytest.raises(LakeDamagedError, match="has the sha256"):
        Lake(whole.root).files("rides", 10, 20)
    assert Lake(whole.root).files("rides", 20, 40), "the others can be read on"


@pytest.fixture
def earlier(tmp_path: Path) -> Lake:
    """A lake as the release before wrote it: the names of files tell nothing."""
    path = tmp_path / "earlier" / "rides"
    for first in (0, 10):
        batch = record_batch(segment(first, 10), None, schema_of(None))
        properties = CommitProperties(app_transactions=[Transaction("anabranch", first + 10)])
        write_deltalake(str(path), batch, mode="append", commit_properties=properties)
    return Lake(path.parent)


def test_files_of_an_earlier_release_are_read_and_held_against_their_count(earlier: Lake) -> None:
    assert sum(found.count for found in earlier.read(Cut())) == 20
    assert (earlier.archived("rides"), earlier.count("rides")) == (20, 20)
    earlier.check_whole(20)
    first, second = map(Path, earlier.files("rides", 0, 20))
    table = pq.read_table(first).slice(0, 9)
    first.write_bytes(b"")
    pq.write_table(table, first)
    with pytest.raises(LakeDamagedError, match=str(first)):
        Lake(earlier.root).read(Cut())
    assert Lake(earlier.root).files("rides", 10, 20) == [str(second)]


def test_files_of_both_releases_lie_in_one_table(earlier: Lake) -> None:
    assert earlier.archive("rides", [segment(20, 5)], 25) == 5
    earlier.check_whole(25)
    found = earlier.table("rides").data_files()
    assert [(file.first, file.end, file.sha256 is None) for file in found] == [
        (0, 10, True),
        (10, 20, True),
        (20, 25, False),
    ]


def test_files_of_an_earlier_release_are_given_names_that_tell_their_digest(earlier: Lake) -> None:
    old = {Path(path): Path(path).read_bytes() for path in earlier.files("rides", 0, 20)}
    before = [record for found in earlier.read(Cut()) for record in found.records()]
    assert give_digests(earlier) == 2
    assert give_digests(earlier) == 0
    assert [r for found in Lake(earlier.root).read(Cut()) for r in found.records()] == before
    assert (earlier.archived("rides"), earlier.count("rides")) == (20, 20)
    new = [Path(path) for path in earlier.files("rides", 0, 20)]
    assert [path.read_bytes() for path in new] == list(old.values())
    assert all(path.samefile(was) for path, was in zip(new, old, strict=True)), "it takes no room twice"
    remove_old_names(earlier)
    assert all(path.exists() for path in old), "somebody may read it still"
    flip(new[0])
    with pytest.raises(LakeDamagedError, match="has the sha256"):
        earlier.read(Cut())


def worked(lake: Lake, *, fails: bool = False) -> list[str]:
    """Work that reads rides, and comes to its end before they are checked."""
    with lake.checked_meanwhile():
        found = lake.files("rides", 0, 40)
        if fails:
            raise ZeroDivisionError
    return found


def test_what_is_read_meanwhile_is_checked_at_the_end(whole: Lake) -> None:
    paths = worked(whole)
    flip(Path(paths[1]))
    with pytest.raises(LakeDamagedError, match="has the sha256"):
        worked(whole)
    with pytest.raises(LakeDamagedError, match="has the sha256"):
        whole.files("rides", 0, 40)


def test_an_error_that_damage_led_to_is_told_as_damage_and_any_other_as_itself(whole: Lake) -> None:
    with pytest.raises(ZeroDivisionError):
        worked(whole, fails=True)
    flip(Path(whole.files("rides", 0, 10)[0]))
    with pytest.raises(LakeDamagedError, match="has the sha256"):
        worked(whole, fails=True)
