"""What DuckDB says, without paths and stacks."""

from __future__ import annotations

import pytest

from serving.sql.sandbox.told_text import ToldText

FILES = ["/srv/a rather/long home/lake/rides/1.parquet", "/srv/a rather/long home/x.duckdb"]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("IO Error: no file '/srv/a rather/long home/lake/rides/1.parquet'", "IO Error: no file '1.parquet'"),
        ("/srv/a rather/long home/x.duckdb, /srv/a rather/long home/lake/rides/2.parquet", "x.duckdb, 2.parquet"),
        ("│ /srv/a rather/long    │\n│ home/lake/rides/1.parquet │", "│ 1.parquet │"),
        ("INTERNAL Error: x\n\nStack Trace:\n\n0   0x1", "INTERNAL Error: x"),
        ("INTERNAL Error: x\nThis error signals an assertion failure within DuckDB.\n0x1", "INTERNAL Error: x"),
        ("Parser Error: x\n\nLINE 1: SELEC\n        ^", "Parser Error: x\n\nLINE 1: SELEC\n        ^"),
    ],
)
def test_of_a_path_the_name_of_the_file_stays_and_of_a_stack_nothing(said: str, told: str) -> None:
    assert ToldText(FILES).of(said) == told
