"""What analysts see of a state: a typed value column beside the packed columns.

The answers of the exact aggregates are SQL over their packed columns; ``tests/batch`` holds them equal to `present`.
The others are presented by Python, tile by tile.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from anabranch.agg.aggregate import Aggregate
from anabranch.agg.plain import SQL_TYPE_BY_KIND, restored
from anabranch.field import Kind


@dataclass(frozen=True, slots=True)
class Presentation:
    """How the states of an aggregate become a column.

    Attributes
    ----------
    type
        The SQL type of the column. JSON is a VARCHAR.
    sql
        SQL over the packed columns; None: only `value` can.
    value
        From what `present` answers to what goes into the column.
    """

    type: str
    sql: str | None = None
    value: Callable[[Any], Any] = lambda presented: presented


def presentation(aggregate: Aggregate, columns: Sequence[str]) -> Presentation:
    """The presentation of an aggregate whose packed columns have these (quoted) names."""
    known = _BY_AGGREGATE.get(type(aggregate).__name__)
    return Presentation("VARCHAR", value=_json) if known is None else known(aggregate, columns)


def _json(presented: Any) -> str:
    return orjson.dumps(presented).decode()


def _count(aggregate: Aggregate, columns: Sequence[str]) -> Presentation:
    return Presentation("BIGINT", columns[0])


def _sum(aggregate: Aggregate, columns: Sequence[str]) -> Presentation:
    if aggregate.kind == "number":
        return Presentation("DOUBLE", _finite(f"{columns[0]} + {columns[1]}"))
    # beyond 64 bits there is no such column; the packed columns have it
    return Presentation("BIGINT", f"try_cast({_whole(*columns)} AS BIGINT)")


def _mean(aggregate: Aggregate, columns: Sequence[str]) -> Presentation:
    n, *total = columns
    sum_sql = _finite(f"{total[0]} + {total[1]}") if aggregate.kind == "number" else f"({_whole(*total)})::DOUBLE"
    return Presentation("DOUBLE", f"{sum_sql} / nullif({n}, 0)")


def _variance(aggregate: Aggregate, columns: Sequence[str]) -> Presentation:
    n, _, squares = columns
    sample = 1 if getattr(aggregate, "sample", False) else 0
    return Presentation("DOUBLE", f"{_finite(squares)} / nullif(greatest({n} - {sample}, 0), 0)")


def _plain(aggregate: Aggregate, columns: Sequence[str]) -> Presentation:
    return Presentation(_type(aggregate.kind), _typed(columns[-1], aggregate.kind))


def _collect(aggregate: Aggregate, columns: Sequence[str]) -> Presentation:
    if aggregate.kind == "instant":
        return Presentation("VARCHAR[]")
    return Presentation(f"{_type(aggregate.kind)}[]", value=lambda found: [restored(aggregate.kind, v) for v in found])


def _type(kind: Kind) -> str:
    return "TIMESTAMPTZ" if kind == "instant" else SQL_TYPE_BY_KIND[kind]


def _typed(column: str, kind: Kind) -> str:
    if kind == "instant":
        return f"make_timestamptz({column})"
    return f"{column} + 0.0::DOUBLE" if kind == "number" else column  # no negative zero


def _finite(value: str) -> str:
    return f"CASE WHEN isfinite({value}) THEN {value} END"


def _whole(high: str, low: str) -> str:
    return f"{high}::HUGEINT * 4294967296 + {low}"


_BY_AGGREGATE: dict[str, Callable[[Aggregate, Sequence[str]], Presentation]] = {
    "count": _count,
    "sum": _sum,
    "mean": _mean,
    "variance": _variance,
    "min": _plain,
    "max": _plain,
    "first": _plain,
    "last": _plain,
    "collect": _collect,
    "distinct": lambda aggregate, columns: Presentation("BIGINT"),
    "quantile": lambda aggregate, columns: Presentation("DOUBLE"),
}
