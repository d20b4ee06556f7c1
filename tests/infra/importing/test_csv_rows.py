"""CSV as people have it: every row is an event or is refused with its line and reason."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.importing.file_rows import FileRows
from infra.importing.row_batches import FileColumns, FilePosition

KNOWN = FileColumns(frozenset({"id", "amount", "text"}))


def read(path: Path, content: bytes, **options: int) -> tuple[list[dict[str, Any]], dict[int, str]]:
    """The events, and by line why the others were refused."""
    path.write_bytes(content)
    events, refused = [], {}
    for batch in FileRows.of(path).batches(FilePosition(), KNOWN, **options):
        for index, (text, line) in enumerate(zip(batch.rows, batch.lines, strict=True)):
            if index in batch.refused:
                refused[line] = batch.refused[index][0]["message"]
            elif text:
                events.append(json.loads(text))
    return events, refused


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "x.csv"


def test_a_quote_that_is_never_closed_costs_one_row(path: Path) -> None:
    lines = [b"id,amount,text", b'1,5,"12 inch', *(b"%d,5,ok" % n for n in range(2, 51))]
    events, refused = read(path, b"\n".join(lines))
    assert [event["id"] for event in events] == [str(n) for n in range(2, 51)]
    assert refused == {2: "a quote opens in this line and is never closed; double a quote that is meant"}


@given(seed=st.integers(0, 10_000))
def test_wherever_quotes_stand_every_line_is_an_event_or_told(
    seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    draw = random.Random(seed)
    cells = ["a", '"b"', '"', 'c"', '"d', '""', '"e""f"', "g h", '"i"j']
    lines = [",".join(draw.choice(cells) for _ in range(3)) for _ in range(30)]
    path = tmp_path_factory.getbasetemp() / f"quotes-{seed}.csv"
    try:
        path.write_text("id,amount,text\n" + "\n".join(lines) + "\n")
        rows = FileRows.of(path)
        covered = 0
        byte = len("id,amount,text\n")
        for batch in rows.batches(FilePosition(), KNOWN, batch_rows=1):
            covered += path.read_bytes()[byte : batch.end.byte].count(b"\n")
            byte = batch.end.byte
            rest = [row for later in rows.batches(batch.end, KNOWN) for row in later.rows]
            assert len(rest) == sum(len(later.rows) for later in rows.batches(FilePosition(), KNOWN)) - batch.end.row
        assert covered == 30
        assert byte == path.stat().st_size
    finally:
        path.unlink(missing_ok=True)


def test_cells_beyond_the_columns_or_too_few_are_told(path: Path) -> None:
    events, refused = read(path, b"id,amount,text\n1,5,hello, world\n2,5\n3,5,fine,\n4,5,also\n")
    assert [event["id"] for event in events] == ["3", "4"]
    assert refused == {
        2: "the row has 4 cells, and the header names 3 columns",
        3: "the row has 2 cells, and the header names 3 columns",
    }


def test_a_quote_within_a_cell_that_is_escaped_otherwise_is_told(path: Path) -> None:
    events, refused = read(path, b'id,amount,text\n1,5,"say \\"hi, you\\" now"\n2,5,"say ""hi"""\n')
    assert events == [{"id": "2", "amount": "5", "text": 'say "hi"'}]
    assert list(refused) == [2]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"], ids=["LF", "CR LF", "CR"])
def test_lines_may_end_in_any_way(path: Path, end: bytes) -> None:
    content = end.join([b"id,amount,text", b"1,5,a", b'2,6,"b' + end + b'c"', b"3,7,d", b""])
    events, refused = read(path, content)
    assert [event["text"] for event in events] == ["a", f"b{end.decode()}c", "d"]
    assert refused == {}


def test_line_ends_may_differ_and_an_import_goes_on_at_each(path: Path) -> None:
    path.write_bytes(b"id,amount,text\r1,5,a\r\n2,5,b\n3,5,c\r4,5,d")
    rows = FileRows.of(path)
    batches = list(rows.batches(FilePosition(), KNOWN, batch_rows=1))
    assert [batch.lines for batch in batches] == [[2], [3], [4], [5]]
    for batch in batches:
        assert [b.lines for b in rows.batches(batch.end, KNOWN, batch_rows=1)] == [
            later.lines for later in batches[batch.end.row :]
        ]


def test_a_large_cell_is_taken_and_one_beyond_the_limit_is_told(path: Path) -> None:
    content = b"id,amount,text\n1,5,a\n2,5," + b"y" * 140_000 + b"\n3,5," + b"z" * 2_000_000 + b"\n4,5,c\n"
    events, refused = read(path, content, max_row_bytes=1_000_000)
    assert [event["id"] for event in events] == ["1", "2", "4"]
    assert list(refused) == [4]
    assert "2,000,005 bytes; at most 1,000,000" in refused[4]


@pytest.mark.parametrize(
    "head",
    [
        b"\nid,amount,text\n",
        b"\r\n  \r\nid,amount,text\n",
        b"sep=;\nid;amount;text\n",
        b"\xef\xbb\xbfsep=;\r\nid;amount;text\r\n",
    ],
    ids=["a blank line", "two blank lines", "sep=", "sep= behind a byte order mark"],
)
def test_what_stands_before_the_header_is_passed_over(path: Path, head: bytes) -> None:
    delimiter = b";" if b";" in head else b","
    events, refused = read(path, head + delimiter.join([b"1", b"5", b"a"]) + b"\n")
    assert events == [{"id": "1", "amount": "5", "text": "a"}]
    assert refused == {}


def test_a_row_that_is_not_utf8_is_told_and_the_others_are_taken(path: Path) -> None:
    events, refused = read(path, b"id,amount,text\n1,5,gr\xfcn\n2,5,b\n")
    assert [event["id"] for event in events] == ["2"]
    assert refused == {2: "the row is not UTF-8 at byte 21 of the file"}


def test_a_column_without_a_name_may_be_empty(path: Path) -> None:
    events, refused = read(path, b"id,amount,text,\n1,5,a,\n2,5,b,x\n")
    assert events == [{"id": "1", "amount": "5", "text": "a"}]
    assert refused == {3: "cell 4 stands under a column without a name"}


def test_the_delimiter_is_found_also_where_the_header_has_another_case(path: Path) -> None:
    events, _ = read(path, b"ID;Amount;Text,more\n1;5;a\n")
    assert events == [{"ID": "1", "Amount": "5", "Text,more": "a"}]
