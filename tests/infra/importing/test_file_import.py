"""Importing a file: every row once, also when it is done again, or was broken off anywhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from anabranch import Cut
from eventlog.errors import LogUnavailableError
from eventlog.log import Append, Appended
from eventlog.log.sql_log import SqlLog
from infra.composition import Process, opened
from infra.errors import ImportRunningError, UsageError
from infra.importing.file_import import Imported, import_file
from infra.settings import Settings

APP = """
from pydantic import BaseModel, Field
from anabranch import App, agg
app = App("shop")
class Sale(BaseModel):
    number: str
    pieces: int = Field(ge=1)
class Note(BaseModel):
    text: str
sales = app.stream("sales", Sale, id="number")
notes = app.stream("notes", Note)
"""


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Process]:
    path = tmp_path / "shop.py"
    path.write_text(APP)
    with opened(Settings.load(app=str(path), home=tmp_path / "home")) as process:
        yield process


def rows(path: Path, *lines: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def stored(process: Process, stream: str) -> list[dict[str, Any]]:
    return [
        record.data
        for segment in process.log.read(Cut(), 10_000)
        if segment.stream == stream
        for record in segment.records()
    ]


def letters(process: Process, stream: str) -> list[tuple[bytes, int]]:
    return [(letter.body, letter.errors[0]["row"]) for letter in process.dead_letters.list(stream)]


def state_file(process: Process) -> Path:
    (path,) = (process.home / "imports").iterdir()
    return path


SALES = [{"number": str(n), "pieces": n % 4} for n in range(8)]  # those with 0 pieces are no sales


def test_each_row_is_an_event_or_is_kept_with_its_place_and_reason(process: Process, tmp_path: Path) -> None:
    done = import_file(process, rows(tmp_path / "sales.ndjson", *SALES), "sales")
    assert (done.accepted, done.duplicates, done.rejected, done.row, done.done) == (6, 0, 2, 8, True)
    assert stored(process, "sales") == [sale for sale in SALES if sale["pieces"]]
    assert [row for _, row in letters(process, "sales")] == [1, 5]


def test_the_same_content_is_imported_once_whatever_the_file_is_called(process: Process, tmp_path: Path) -> None:
    first = import_file(process, rows(tmp_path / "sales.ndjson", *SALES), "sales")
    again = import_file(process, rows(tmp_path / "copy.ndjson", *SALES), "sales")
    assert again == first
    assert len(stored(process, "sales")) == 6
    assert len(letters(process, "sales")) == 2


@pytest.mark.parametrize("stream", ["sales", "notes"])
def test_a_batch_that_was_appended_and_not_written_down_is_repeated_without_doubles(
    process: Process, tmp_path: Path, stream: str
) -> None:
    """The state is what it was before the batch, as after a kill just behind the append."""
    lines = SALES if stream == "sales" else [{"text": "a"}, {"text": "a"}, {"text": 7}]
    path = rows(tmp_path / "file.ndjson", *lines)
    first = import_file(process, path, stream)
    events, kept = stored(process, stream), letters(process, stream)
    before = json.loads(state_file(process).read_text())
    before |= {"row": 0, "byte": 0, "accepted": 0, "rejected": 0, "done": False}
    state_file(process).write_text(json.dumps(before))
    again = import_file(process, path, stream)
    assert (again.accepted, again.duplicates, again.rejected) == (first.accepted, 0, first.rejected)
    assert stored(process, stream) == events
    assert letters(process, stream) == kept


def counts(process: Process, stream: str) -> list[tuple[int, int]]:
    return [(letter.errors[0]["row"], letter.count) for letter in process.dead_letters.list(stream)]


@pytest.mark.parametrize("stream", ["sales", "notes"])
def test_another_importer_that_knows_nothing_of_the_first_doubles_nothing(
    process: Process, tmp_path: Path, stream: str
) -> None:
    """Of another home on the same database, say: neither rows nor those that were refused."""
    lines = SALES if stream == "sales" else [{"text": "a"}, {"text": "a"}, {"text": 7}]
    path = rows(tmp_path / "file.ndjson", *lines)
    first = import_file(process, path, stream)
    events, kept = stored(process, stream), counts(process, stream)
    state_file(process).unlink()
    again = import_file(process, path, stream)
    assert (again.accepted, again.duplicates, again.rejected) == (0, first.accepted, first.rejected)
    assert (stored(process, stream), counts(process, stream)) == (events, kept)


class Unheard(SqlLog):
    """Its first commits are written, and nobody hears of it; or a try before was refused."""

    failures = iter(("unheard", "locked", "unheard"))

    def append(self, append: Append) -> Appended:
        what = next(self.failures, None)
        done = None if what == "locked" else super().append(append)
        if what is not None or done is None:
            raise LogUnavailableError("whether that was written is not known")
        return done


def test_a_batch_whose_commit_was_not_heard_of_is_tried_again_and_in_once(process: Process, tmp_path: Path) -> None:
    path = rows(tmp_path / "file.ndjson", {"text": "a"}, {"text": "a"}, {"text": 7})
    heard, process.log = process.log, Unheard(process.database)
    done = import_file(process, path, "notes")
    process.log.close()
    process.log = heard
    assert (done.accepted, done.duplicates, done.rejected) == (2, 0, 1)
    assert stored(process, "notes") == [{"text": "a"}] * 2
    assert counts(process, "notes") == [(3, 1)]


def test_rows_that_another_definition_takes_come_in_when_the_file_is_imported_anew(tmp_path: Path) -> None:
    path = rows(tmp_path / "file.ndjson", *SALES)
    for least, events in ((1, 6), (0, 8)):
        application = tmp_path / str(least) / "shop.py"
        application.parent.mkdir()
        application.write_text(APP.replace("ge=1", f"ge={least}"))
        with opened(Settings.load(app=str(application), home=tmp_path / "home")) as process:
            for state in process.home.glob("imports/*"):
                state.unlink()
            import_file(process, path, "sales")
            assert len(stored(process, "sales")) == events


def test_equal_rows_of_a_stream_without_ids_are_events_each(process: Process, tmp_path: Path) -> None:
    done = import_file(process, rows(tmp_path / "notes.ndjson", *[{"text": "a"}] * 3), "notes")
    assert done.accepted == 3
    assert stored(process, "notes") == [{"text": "a"}] * 3


def test_two_importers_of_one_content_into_one_stream_are_not_at_work_at_once(process: Process, tmp_path: Path) -> None:
    path = rows(tmp_path / "sales.ndjson", *SALES)
    import_file(process, path, "sales")
    sha256 = state_file(process).name.partition("-")[0]
    assert process.leases.acquire(f"import:{sha256}:sales", "somebody else", 60) is not None
    with pytest.raises(ImportRunningError):
        import_file(process, path, "sales")
    assert import_file(process, path, "notes").rejected == len(SALES), "into another stream it is another import"


def test_a_stream_that_is_not_there_is_answered_with_those_that_are(process: Process, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no stream 'sale'; shop has: sales, notes"):
        import_file(process, rows(tmp_path / "sales.ndjson", *SALES), "sale")


def test_a_column_that_is_nearly_a_field_is_told(
    process: Process, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "sales.csv"
    path.write_text("Number,pieces\n1,2\n")
    found: Imported = import_file(process, path, "sales")
    assert found.rejected == 1
    assert "'Number' is not the field 'number'" in " ".join(capsys.readouterr().err.split())
