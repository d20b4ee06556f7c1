from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.errors import ImportFileError
from infra.rows import Place, Rows

cells = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=5)
tables = st.lists(st.fixed_dictionaries({"a": cells.filter(bool), "b": cells.filter(bool)}), max_size=12)


def read_from_everywhere(path: Path, expected: list[Any]) -> None:
    """From wherever an import may be cut off, the rest follows."""
    rows = Rows.of(path)
    batches = list(rows.batches(Place(), batch_rows=3))
    assert [json.loads(row) for batch in batches for row in batch.rows] == expected
    for batch in batches:
        rest = [json.loads(row) for later in rows.batches(batch.end, batch_rows=2) for row in later.rows]
        assert rest == expected[batch.end.row :]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("rows")


@settings(deadline=None)
@given(table=tables)
def test_csv_goes_on_at_any_batch_whatever_is_quoted(folder: Path, table: list[dict[str, str]]) -> None:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, ["a", "b"], quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows(table)
    path = folder / "x.csv"
    path.write_bytes(text.getvalue().encode())
    read_from_everywhere(path, table)


@settings(deadline=None)
@given(table=tables)
def test_ndjson_goes_on_at_any_batch(folder: Path, table: list[dict[str, str]]) -> None:
    path = folder / "x.ndjson"
    path.write_bytes(b"\n".join(json.dumps(row).encode() for row in table))
    read_from_everywhere(path, table)


@settings(deadline=None)
@given(table=tables.filter(bool), group=st.integers(1, 5))
def test_parquet_goes_on_at_any_batch_of_any_row_group(folder: Path, table: list[dict[str, str]], group: int) -> None:
    path = folder / "x.parquet"
    pq.write_table(pa.Table.from_pylist(table), path, row_group_size=group)
    read_from_everywhere(path, table)


def test_an_empty_cell_is_a_missing_value_except_where_a_text_is_required(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(b"\xef\xbb\xbfa,b\n,\n")
    assert next(Rows.of(path).batches(Place())).rows == [b"{}"]
    assert next(Rows.of(path).batches(Place(), frozenset({"b"}))).rows == [b'{"b":""}']


def test_the_same_content_is_the_same_file_wherever_it_lies(tmp_path: Path) -> None:
    for name in ("x.csv", "y.csv"):
        (tmp_path / name).write_text("a\n1\n")
    (tmp_path / "z.csv").write_text("a\n2\n")
    x, y, z = (Rows.of(tmp_path / name).sha256 for name in ("x.csv", "y.csv", "z.csv"))
    assert x == y != z


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("x.txt", b"", r"\.csv, \.ndjson"),
        ("x.parquet", b"not parquet", "not Parquet"),
        ("x.csv", b"", "empty"),
        ("x.csv", b"a\n\xff\n", "UTF-8 at byte 2"),
    ],
)
def test_what_cannot_be_read_says_why(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ImportFileError, match=says):
        list(Rows.of(path).batches(Place()))
