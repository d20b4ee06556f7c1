"""The judge of each aggregate: it calls nothing of what it judges, and calls nothing right that is wrong."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

import duckdb
import pytest
from pydantic import BaseModel

from anabranch import App, Events, View, agg
from anabranch.field import Kind
from tests.laws import checks
from tests.laws.table import TABLE, Case


class Item(BaseModel):
    number: float | None = None
    whole: int | None = None
    word: str | None = None


app = App("evidence")
items = app.stream("items", Item)
AGGREGATES: dict[str, Any] = {
    "count": agg.count(),
    "some": agg.count("word"),
    "sum": agg.sum("number"),
    "sum_whole": agg.sum("whole"),
    "mean": agg.mean("number"),
    "least": agg.min("word"),
    "most": agg.max("number"),
    "variance": agg.variance("number"),
    "sample": agg.variance("whole", sample=True),
    "first": agg.first("word"),
    "final": agg.last("number"),
    "distinct": agg.distinct("whole", precision=5),
    "quantile": agg.quantile("number", 0.9),
    "top": agg.top("word", 2),
    "histogram": agg.histogram("number", edges=[-1, 0, 2.5]),
    "collect": agg.collect("word", limit=3),
}
view = app.view("all", of=items, **AGGREGATES)


def answers_of(view: View, rows: list[dict[str, Any]]) -> dict[str, Any]:
    tiles: dict[Any, Any] = {}
    data = b"[" + b",".join(Item(**row).model_dump_json().encode() for row in rows) + b"]"
    view.fold(tiles, Events(view.of, 0, 0, list(range(len(rows))), data))
    return view.present(tiles[()][0])


def evidence_of(view: View, rows: list[dict[str, Any]]) -> dict[str, Any]:
    types = {"number": "DOUBLE", "whole": "BIGINT", "word": "VARCHAR"}
    with duckdb.connect() as database:
        database.execute(
            f"CREATE TABLE rows ({', '.join(f'{n} {t}' for n, t in types.items())}, one BOOLEAN, place BIGINT)"
        )
        database.executemany(
            "INSERT INTO rows VALUES (?, ?, ?, true, ?)",
            [(row["number"], row["whole"], row["word"], place) for place, row in enumerate(rows)],
        )
        sql = [a.evidence_sql(a.field or "one", "row(place)") for a in view.aggregates.values()]
        found = database.execute(f"SELECT {', '.join(sql)} FROM rows").fetchone()
    assert found is not None
    return dict(zip(view.aggregates, found, strict=True))


OF_THE_JUDGE = {"evidence_sql", "reference", "judge"}


@pytest.mark.parametrize("case", TABLE, ids=str)
def test_the_judge_calls_nothing_of_what_it_judges(case: Case) -> None:
    """Neither the fold nor the merge, the packing or the presentation: they are broken here, and it does not notice."""

    def broken(*arguments: Any) -> Any:
        raise AssertionError("the judge called what it judges")

    judged: set[str] = set()
    for kind in type(case.aggregate).__mro__[:-1]:
        judged |= {name for name, part in vars(kind).items() if callable(part) and not name.startswith("__")}
    lame = type("lame", (type(case.aggregate),), dict.fromkeys(judged - OF_THE_JUDGE, broken))
    aggregate = copy.copy(case.aggregate)
    aggregate.__class__ = lame
    few: dict[Kind, list[Any]] = {"number": [0.5, 2.0, 2.0], "boolean": [True, False, True], "text": ["b", "a", "b"]}
    part = [(value, (at, 0, at)) for at, value in enumerate(few.get(case.kind, [9, 3, 9]))]
    with duckdb.connect() as connection, pytest.raises(AssertionError, match="called what it judges"):
        checks.check_it_is_judged_right(dataclasses.replace(case, aggregate=aggregate), part, connection)
    with duckdb.connect() as connection:
        evidence = checks.evidence_of(dataclasses.replace(case, aggregate=aggregate), part, connection)
    assert aggregate.judge(evidence, case.aggregate.present(checks.folded(case, part))).right


ROWS = [{"number": float(n % 7), "whole": n, "word": "abc"[n % 3 and n % 2]} for n in range(100)]
WRONG: dict[str, list[Any]] = {
    "count": [99, 101],
    "some": [99],
    "sum": [297.0, None],
    "sum_whole": [4949],
    "mean": [2.97, None],
    "least": ["b", None],
    "most": [5.0],
    "variance": [4.1, None],
    "sample": [840.0],
    "first": ["b", None],
    "final": [0.5],
    "distinct": [10, 400],
    "quantile": [5.5, None],
    "top": [[], [{"value": "a", "count": 1}, {"value": "b", "count": 1}]],
    "histogram": [{"edges": [-1, 0, 2.5], "counts": [0, 0, 45, 56]}],
    "collect": [["a"], ["a", "b", "c"]],
}


@pytest.mark.parametrize(("name", "answer"), [(name, answer) for name, wrong in WRONG.items() for answer in wrong])
def test_what_differs_beyond_the_stated_error_is_wrong(name: str, answer: Any) -> None:
    evidence = evidence_of(view, ROWS)[name]
    assert view.aggregates[name].judge(evidence, answers_of(view, ROWS)[name]).right
    assert not view.aggregates[name].judge(evidence, answer).right


def test_a_heavy_hitter_that_is_missing_or_counted_beyond_the_bound_is_wrong() -> None:
    aggregate = view.aggregates["top"]
    counts = {f"rare{n}": 1 for n in range(5_000)} | {"often": 2_000, "seldom": 500}
    right = [{"value": "often", "count": 2_003}, {"value": "seldom", "count": 501}]
    assert aggregate.judge(counts, right).right
    assert not aggregate.judge(counts, right[:1]).right
    assert not aggregate.judge(counts, [{"value": "often", "count": 2_100}, right[1]]).right
    assert not aggregate.judge(counts, [{"value": "often", "count": 1_999}, right[1]]).right
