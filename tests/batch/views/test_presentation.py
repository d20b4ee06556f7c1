"""How an answer gets into the published table, and out of it into the type that its aggregate states."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb
import pytest

from anabranch import agg
from anabranch.agg.aggregate import Aggregate
from anabranch.field import Field, Kind
from batch.views import tile_table
from batch.views.presentation import presentation


class answering(agg.count):  # noqa: N801 — named as in the language
    """An aggregate that only Python presents, of any type."""

    def __init__(self, sql_type: str):
        super().__init__()
        self._type = sql_type

    @property
    def sql_type(self) -> str:
        return self._type

    def present_sql(self, columns: Sequence[str]) -> Any:
        return None


def seen(sql_type: str, answer: Any) -> tuple[Any, Any]:
    """The column of the table, and what analysts see of it as text."""
    shown = presentation(answering(sql_type), ['"n"'])
    table = tile_table.arrow([("filed", shown.type)], [(shown.value(answer),)])
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.register("published", table)
        query = f"SELECT filed::VARCHAR, typeof(v) = typeof(NULL::{sql_type}), v::VARCHAR FROM"
        found = connection.execute(f"{query} (SELECT filed, {shown.shown_sql('filed')} AS v FROM published)").fetchone()
    assert found is not None
    assert found[1], f"{sql_type} is seen as another type"
    return found[0], found[2]


@pytest.mark.parametrize(
    ("sql_type", "answer", "filed", "shown"),
    [
        ("BIGINT", 2**63 - 1, "9223372036854775807", "9223372036854775807"),
        ("BIGINT", 2**63, None, None),
        ("BIGINT", None, None, None),
        ("DOUBLE", 0.5, "0.5", "0.5"),
        ("VARCHAR", 'a "word"', 'a "word"', 'a "word"'),
        ("BOOLEAN", True, "true", "true"),
        ("TIMESTAMPTZ", "2024-05-01T10:00:00Z", "2024-05-01T10:00:00Z", "2024-05-01 10:00:00+00"),
        ("TIMESTAMPTZ", None, None, None),
        ("VARCHAR[]", ["b", "", "ä"], "[b, '', ä]", "[b, '', ä]"),
        ("TIMESTAMPTZ[]", ["2024-05-01T10:00:00Z"], "['2024-05-01T10:00:00Z']", "['2024-05-01 10:00:00+00']"),
        ("BIGINT[]", [-(2**63)], "[-9223372036854775808]", "[-9223372036854775808]"),
        ('STRUCT("value" VARCHAR, n BIGINT)', {"value": "ä", "n": 2}, '{"value":"ä","n":2}', "{'value': ä, 'n': 2}"),
        ("DOUBLE[][]", [[1.5], []], "[[1.5],[]]", "[[1.5], []]"),
        ("STRUCT(n BIGINT)", None, "null", None),
    ],
)
def test_what_python_presents_comes_out_in_its_type(sql_type: str, answer: Any, filed: Any, shown: Any) -> None:
    assert seen(sql_type, answer) == (filed, shown)


@pytest.mark.parametrize(
    ("aggregate", "kind", "filed", "shown"),
    [
        (agg.count(), "other", "BIGINT", "BIGINT"),
        (agg.sum("field"), "integer", "BIGINT", "BIGINT"),
        (agg.max("field"), "instant", "TIMESTAMPTZ", "TIMESTAMPTZ"),
        (agg.collect("field"), "instant", "VARCHAR[]", "TIMESTAMPTZ[]"),
        (agg.top("field"), "text", "VARCHAR", 'STRUCT("value" VARCHAR, count BIGINT)[]'),
        (agg.histogram("field", [1]), "number", "VARCHAR", "STRUCT(edges DOUBLE[], counts BIGINT[])"),
    ],
)
def test_the_files_of_earlier_releases_have_the_same_columns(
    aggregate: Aggregate, kind: Kind, filed: str, shown: str
) -> None:
    field = None if aggregate.field is None else Field("field", kind, None, True, None, None)
    bound = aggregate.bind("a test", field, None)
    found = presentation(bound, [f'"{column.name}"' for column in bound.columns])
    assert (found.type, found.shown_type) == (filed, shown)
