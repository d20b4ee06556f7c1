from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.errors import ImportFileError
from infra.importing.csv_rows import DELIMITERS
from infra.importing.file_rows import FileRows
from infra.importing.row_batches import NO_COLUMNS, FileColumns, FilePosition

cells = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=5)
tables = st.lists(st.fixed_dictionaries({"a": cells.filter(bool), "b": cells.filter(bool)}), max_size=12)


def read_from_everywhere(path: Path, expected: list[Any], columns: FileColumns = NO_COLUMNS) -> None:
    """From wherever an import may be cut off, the rest follows."""
    rows = FileRows.of(path)
    batches = list(rows.batches(FilePosition(), columns, batch_rows=3))
    assert [json.loads(row) for batch in batches for row in batch.rows] == expected
    for batch in batches:
        rest = [json.loads(row) for later in rows.batches(batch.end, columns, batch_rows=2) for row in later.rows]
        assert rest == expected[batch.end.row :]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("rows")


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


@given(table=tables, packed=st.booleans(), delimiter=st.sampled_from(DELIMITERS))
def test_csv_goes_on_at_any_batch_whatever_is_quoted(
    folder: Path, table: list[dict[str, str]], packed: bool, delimiter: str
) -> None:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, ["a", "b"], quoting=csv.QUOTE_ALL, delimiter=delimiter)
    writer.writeheader()
    writer.writerows(table)
    path = written(folder / ("x.csv.gz" if packed else "x.csv"), text.getvalue().encode())
    read_from_everywhere(path, table, FileColumns(frozenset({"b", "c"})))


@given(table=tables, packed=st.booleans())
def test_ndjson_goes_on_at_any_batch(folder: Path, table: list[dict[str, str]], packed: bool) -> None:
    content = b"\n".join(json.dumps(row).encode() for row in table)
    read_from_everywhere(written(folder / ("x.ndjson.gz" if packed else "x.ndjson"), content), table)


@given(table=tables.filter(bool), group=st.integers(1, 5))
def test_parquet_goes_on_at_any_batch_of_any_row_group(folder: Path, table: list[dict[str, str]], group: int) -> None:
    path = folder / "x.parquet"
    pq.write_table(pa.Table.from_pylist(table), path, row_group_size=group)
    read_from_everywhere(path, table)


def test_an_empty_cell_is_a_missing_value_except_where_a_text_is_required(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(b"\xef\xbb\xbfa,b\n,\n")
    assert next(FileRows.of(path).batches(FilePosition())).rows == [b"{}"]
    assert next(FileRows.of(path).batches(FilePosition(), FileColumns(text=frozenset({"b"})))).rows == [b'{"b":""}']


def test_the_same_content_is_the_same_file_wherever_it_lies(tmp_path: Path) -> None:
    for name in ("x.csv", "y.csv", "y.csv.gz"):
        written(tmp_path / name, b"a\n1\n")
    (tmp_path / "z.csv").write_text("a\n2\n")
    x, y, packed, z = (FileRows.of(tmp_path / name).sha256 for name in ("x.csv", "y.csv", "y.csv.gz", "z.csv"))
    assert x == y == packed != z


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("x.csv", b"a , b\n1,2\n", b'{"a":"1","b":"2"}'),
        ("x.csv", b"a;c\n1;2,3\n", b'{"a":"1","c":"2,3"}'),
        ("x.csv", b"z;a,c\n1;2,3\n", b'{"z;a":"1;2","c":"3"}'),
        ("x.tsv", b"c\td,a\n1\t2\n", b'{"c":"1","d,a":"2"}'),
        ("x.ndjson", b'\xef\xbb\xbf{"a":1}\n', b'{"a":1}'),
    ],
    ids=["spaces in the head", "a semicolon", "a comma where nothing fits better", "tabs", "a byte order mark"],
)
def test_files_as_people_have_them(tmp_path: Path, name: str, content: bytes, expected: bytes) -> None:
    (batch,) = FileRows.of(written(tmp_path / name, content)).batches(
        FilePosition(), FileColumns(frozenset({"a", "b"}))
    )
    assert batch.rows == [expected]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("x.txt", b"", r"\.csv, \.tsv, \.ndjson"),
        ("x.parquet", b"not parquet", "not Parquet"),
        ("x.csv", b"", "empty"),
        ("x.csv", b"\n\n", "empty"),
        ("x.csv", b"\xffa\n1\n", "UTF-8 at byte 0"),
        ("x.csv", b"a,b,a\n1,2,3\n", "columns 1 and 3 are both named 'a'"),
        ("x.csv", b'a,"b\n1,2\n', "line 1, which must name the columns, cannot be read"),
        ("x.parquet.gz", b"", r"\.csv, .*text also in \.gz"),
        ("x.csv.gz", b"a\n1\n", "not gzip"),
        ("x.csv.gz", gzip.compress(b"a\n1\n", mtime=0)[:-4], "not all of it"),
    ],
)
def test_what_cannot_be_read_says_why(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ImportFileError, match=says):
        list(FileRows.of(path).batches(FilePosition()))
