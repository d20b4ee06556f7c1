"""The judge must accept what the fold answers, and must not accept anything else."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from anabranch import App, Events, View, agg
from infra.verify.reference_values import evidence_sql, judge


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
rows = st.lists(
    st.fixed_dictionaries(
        {
            "number": st.none() | st.floats(-1e6, 1e6),
            "whole": st.none() | st.integers(-(2**40), 2**40),
            "word": st.none() | st.sampled_from(["a", "b", "c", "d", ""]),
        }
    ),
    min_size=1,
    max_size=60,
)


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
        sql = [evidence_sql(a, a.field or "one", "row(place)") for a in view.aggregates.values()]
        found = database.execute(f"SELECT {', '.join(sql)} FROM rows").fetchone()
    assert found is not None
    return dict(zip(view.aggregates, found, strict=True))


@given(rows=rows)
def test_what_the_fold_answers_is_right(rows: list[dict[str, Any]]) -> None:
    answers, evidence = answers_of(view, rows), evidence_of(view, rows)
    for name, aggregate in view.aggregates.items():
        judgement = judge(aggregate, evidence[name], answers[name])
        assert judgement.right, (name, judgement, answers[name])


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
    assert judge(view.aggregates[name], evidence, answers_of(view, ROWS)[name]).right
    assert not judge(view.aggregates[name], evidence, answer).right


def test_a_heavy_hitter_that_is_missing_or_counted_beyond_the_bound_is_wrong() -> None:
    aggregate = view.aggregates["top"]
    counts = {f"rare{n}": 1 for n in range(5_000)} | {"often": 2_000, "seldom": 500}
    right = [{"value": "often", "count": 2_003}, {"value": "seldom", "count": 501}]
    assert judge(aggregate, counts, right).right
    assert not judge(aggregate, counts, right[:1]).right
    assert not judge(aggregate, counts, [{"value": "often", "count": 2_100}, right[1]]).right
    assert not judge(aggregate, counts, [{"value": "often", "count": 1_999}, right[1]]).right
