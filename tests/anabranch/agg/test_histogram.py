"""histogram: how many values fall between given edges."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest

from anabranch import DefinitionError, agg
from anabranch.field import Kind
from tests.anabranch.agg.folding import answer, folded, nothing, over


@pytest.mark.parametrize(
    ("kind", "edge", "values"),
    [
        ("number", 2**53 + 1, [2.0**53, 2.0**53 + 2]),
        ("number", 0.1, [0.1, 0.09999999999999999, 0.10000000000000002]),
        ("integer", 0.5, [0, 1]),
        ("integer", -0.5, [-1, 0]),
        ("integer", 2**53 + 1, [2**53, 2**53 + 1]),
        ("integer", 2.0**63, [2**63 - 1]),
        ("integer", -1e300, [-(2**63)]),
    ],
)
def test_duckdb_compares_with_an_edge_as_exactly_as_python(kind: Kind, edge: float, values: list[Any]) -> None:
    aggregate = over(kind, agg.histogram("field", [edge]))
    with duckdb.connect() as connection:
        sql_type = "DOUBLE" if kind == "number" else "BIGINT"
        query = f"SELECT {aggregate.gather_sql('value', '')} FROM (SELECT unnest(?::{sql_type}[]) AS value)"
        (found,) = connection.execute(query, [values]).fetchone() or ()
    assert aggregate.gathered(found) == folded(aggregate, values)


def test_each_edge_opens_its_bucket() -> None:
    found = answer(over("integer", agg.histogram("field", [0, 10])), [-1, 0, 9, None, 10, 11, 2**63 - 1])
    assert found == {"edges": [0, 10], "counts": [1, 2, 3]}


def test_of_nothing_every_count_is_nought() -> None:
    assert nothing(over("number", agg.histogram("field", [0.5]))) == {"edges": [0.5], "counts": [0, 0]}


@pytest.mark.parametrize("edges", [[], [1, 1], [2, 1], [float("inf")], [float("nan")], ["1"], 3, [True]])
def test_edges_that_make_no_sense_are_refused(edges: Any) -> None:
    with pytest.raises(DefinitionError, match="edges="):
        agg.histogram("field", edges)
