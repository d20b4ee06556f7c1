"""Names and texts of the user as SQL, and a DuckDB that keeps within its bounds."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from batch.duckdb_session import connect, literal, parquet_file, parquet_files, quoted

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)


@given(TEXTS)
@example("it's")
@example("\\'; DROP TABLE t; --")
@example("$$ \n /* */")
def test_a_text_is_a_literal_of_that_text(text: str) -> None:
    assert duckdb.execute(f"SELECT {literal(text)}").fetchall() == [(text,)]


@given(TEXTS.filter(bool))
@example('a"b')
@example("select")
@example('"; DROP TABLE t; --')
def test_a_name_is_a_column_of_that_name(name: str) -> None:
    found = duckdb.execute(f"SELECT {quoted(name)} FROM (SELECT 17 AS {quoted(name)})")
    assert (found.description[0][0], found.fetchall()) == (name, [(17,)])


AWKWARD = ["a=b", "100%", "brackets[1]", "a*b?", "it's", 'quo"ted', "back\\slash", "Zürich 🚲", "{x,y}"]


@pytest.mark.parametrize("name", AWKWARD)
def test_files_are_read_whatever_their_folder_is_called(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    paths = [folder / f"{number}.parquet" for number in range(2)]
    for number, path in enumerate(paths):
        pq.write_table(pa.table({"n": [number]}), path)
    assert duckdb.execute(f"SELECT * FROM {parquet_file(paths[0])}").fetchall() == [(0,)]
    assert duckdb.execute(f"SELECT * FROM {parquet_files(paths)} ORDER BY n").fetchall() == [(0,), (1,)]


def test_files_may_lack_columns_that_others_have(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [1]}), tmp_path / "old")
    pq.write_table(pa.table({"b": ["x"], "a": [2]}), tmp_path / "new")
    query = f"SELECT a, b FROM {parquet_files([tmp_path / 'old', tmp_path / 'new'])} ORDER BY a"
    assert duckdb.execute(query).fetchall() == [(1, None), (2, "x")]


def test_a_session_keeps_within_its_bounds_and_reckons_in_utc(tmp_path: Path) -> None:
    with connect(1, 100_000_000, tmp_path / "spill") as connection:
        settings = "SELECT current_setting('threads'), current_setting('TimeZone')"
        assert connection.execute(settings).fetchall() == [(1, "UTC")]
        with pytest.raises(duckdb.OutOfMemoryException):
            connection.execute("SELECT list(repeat('x', 1000) || i) FROM range(300_000) AS t(i)").fetchall()
        assert connection.execute("SELECT 1").fetchall() == [(1,)], "what was too much harms nothing else"


def test_sessions_share_nothing(tmp_path: Path) -> None:
    with connect(1, 100_000_000, tmp_path) as one, connect(None, 100_000_000, tmp_path) as other:
        one.execute("CREATE TABLE mine AS SELECT 1")
        with pytest.raises(duckdb.CatalogException):
            other.execute("FROM mine")
