"""The laws. Each check takes a case of the table and contributions, and raises `AssertionError` where one is broken."""

from __future__ import annotations

import copy
import json
import pickle
import sqlite3
from collections.abc import Sequence
from typing import Any

import duckdb

from anabranch.agg.aggregate import State
from anabranch.field import Kind
from batch.views.presentation import presentation
from tests.laws.table import Case, Contribution, equal

Part = Sequence[Contribution]
SQL_TYPE_BY_KIND: dict[Kind, str] = {
    "integer": "BIGINT", "number": "DOUBLE", "boolean": "BOOLEAN", "text": "VARCHAR", "instant": "BIGINT",
}  # fmt: skip


def check_zero_is_neutral(case: Case, part: Part) -> None:
    """Nothing merged with something is that something, from either side."""
    assert_same(case, part, merged(case, zero(case), folded(case, part)), folded(case, part))
    assert_same(case, part, merged(case, folded(case, part), zero(case)), folded(case, part))
    assert case.aggregate.present(zero(case)) == case.reference([])


def check_merge_is_commutative(case: Case, one: Part, two: Part) -> None:
    here = merged(case, folded(case, one), folded(case, two))
    there = merged(case, folded(case, two), folded(case, one))
    assert_same(case, [*one, *two], here, there)


def check_merge_is_associative(case: Case, one: Part, two: Part, three: Part) -> None:
    left = merged(case, merged(case, folded(case, one), folded(case, two)), folded(case, three))
    right = merged(case, folded(case, one), merged(case, folded(case, two), folded(case, three)))
    assert_same(case, [*one, *two, *three], left, right)


def check_split_folds_merge_to_the_whole(case: Case, part: Part, at: int) -> None:
    """Folding the parts and merging them is folding the whole; so is going on where another fold ended."""
    whole = folded(case, part)
    assert_same(case, part, merged(case, folded(case, part[:at]), folded(case, part[at:])), whole)
    assert_same(case, part, folded(case, part[at:], onto=folded(case, part[:at])), whole)
    assert_same(case, part, folded(case, part[at:], onto=unpacked(case, folded(case, part[:at]))), whole)


def check_a_copy_goes_its_own_way(case: Case, one: Part, two: Part) -> None:
    """A copy is the same state, and what is added to it does not change the one that was copied."""
    state, aggregate = folded(case, one), case.aggregate
    before = copy.deepcopy(state)
    other = state if aggregate.immutable else aggregate.copied(state)
    assert other == before
    merged(case, folded(case, two, onto=other), folded(case, two))
    assert state == before


def check_order_does_not_matter(case: Case, part: Part, shuffled: Part) -> None:
    assert_same(case, part, folded(case, part), folded(case, shuffled))


def check_fold_is_add_in_a_loop(case: Case, part: Part) -> None:
    """Over many tiles at once, with missing values in between."""
    tiles = [[None, zero(case)] for _ in range(3)]
    chosen = [order[2] % 3 for _, order in part]
    values, orders = [value for value, _ in part], [order for _, order in part]
    case.aggregate.fold(1, [tiles[tile] for tile in chosen], values, orders)
    for number, (_, state) in enumerate(tiles):
        mine = [c for c, tile in zip(part, chosen, strict=True) if tile == number]
        expected = zero(case)
        for value, order in mine:
            if value is not None:
                expected = case.aggregate.add(expected, value, order)
        assert_same(case, mine, state, expected)


def check_packing_keeps_the_state(case: Case, part: Part) -> None:
    """As columns of SQLite, the narrowest store of all: it knows no boolean and no NaN."""
    state = folded(case, part)
    packed = case.aggregate.pack(state)
    types = [column.type for column in case.aggregate.columns]
    assert len(packed) == len(types)
    for value, sql_type in zip(packed, types, strict=True):
        assert value is None or type(value) is PYTHON_BY_SQL_TYPE[sql_type]
    assert_same(case, part, case.aggregate.unpack(through_sqlite(packed, types)), state)
    assert case.aggregate.present(unpacked(case, state)) == case.aggregate.present(state)
    assert case.aggregate.pack(unpacked(case, state)) == packed


def check_state_is_plain_data(case: Case, part: Part) -> None:
    state = folded(case, part)
    assert_same(case, part, pickle.loads(pickle.dumps(state)), state)
    assert_same(case, part, copy.deepcopy(state), state)


def check_merge_leaves_the_other_alone(case: Case, one: Part, two: Part, three: Part) -> None:
    """Also when the result goes on to change."""
    for start in (zero(case), folded(case, one), unpacked(case, folded(case, one))):
        other = folded(case, two)
        before = pickle.dumps(other)
        folded(case, three, onto=case.aggregate.merge(start, other))
        assert pickle.dumps(other) == before
    assert case.aggregate.present(zero(case)) == case.reference([])


def check_presenting_a_merge_is_merging_and_presenting(case: Case, one: Part, two: Part) -> None:
    """To the bit, and it leaves both states alone: features are made so, over and over."""
    state, other = folded(case, one), folded(case, two)
    before = pickle.dumps((state, other))
    found = case.aggregate.present_merged(state, other)
    assert pickle.dumps((state, other)) == before
    assert found == case.aggregate.present(merged(case, merged(case, zero(case), state), other))


def check_it_agrees_with_the_reference(case: Case, part: Part) -> None:
    found, expected = case.aggregate.present(folded(case, part)), case.reference(part)
    assert case.near(found, expected, present_values(part)), (found, expected)


def check_sql_agrees(case: Case, parts: Sequence[Part], connection: duckdb.DuckDBPyConnection) -> None:
    """DuckDB folds each part to the same state, and merges the states to the same whole."""
    whole = [contribution for part in parts for contribution in part]
    states = sql_folded(case, parts, connection)
    for part, state in zip(parts, states, strict=True):
        assert_same(case, part, state, folded(case, part))
    joint = zero(case)
    for state in states:
        joint = merged(case, joint, state)
    assert_same(case, whole, joint, folded(case, whole))
    if case.aggregate.merge_sql([column.name for column in case.aggregate.columns]) is None:
        assert [column.type for column in case.aggregate.columns] == ["BLOB"]
    else:
        packed = [case.aggregate.pack(state) for state in states]
        assert_same(case, whole, sql_merged(case, packed, connection), folded(case, whole))


def check_it_is_judged_right(case: Case, part: Part, connection: duckdb.DuckDBPyConnection) -> None:
    """What `verify` gathers of the raw values agrees with the fold, and with plain Python."""
    evidence = evidence_of(case, part, connection)
    for answer in (case.aggregate.present(folded(case, part)), case.reference(part)):
        judgement = case.aggregate.judge(evidence, answer)
        assert judgement.right, (judgement, answer)


def check_analysts_see_the_answer(case: Case, part: Part, connection: duckdb.DuckDBPyConnection) -> None:
    """In a column of the type that the aggregate states: presented by SQL, or by Python and cast when it is read."""
    state, columns = folded(case, part), case.aggregate.columns
    shown = presentation(case.aggregate, [f'"m__{column.name}"' for column in columns])
    answer = case.aggregate.present(state)
    if shown.sql is None:
        column, row, typed = "shown", [shown.value(answer)], f"?::{shown.type} AS shown"
    else:
        typed = ", ".join(f'?::{column.type} AS "m__{column.name}"' for column in columns)
        column, row = f"({shown.sql})", list(case.aggregate.pack(state))
    fits = type(answer) is not int or -(2**63) <= answer < 2**63
    # as the only item of a list, for JSON of a bare text would keep its quotation marks
    expected = f"?::JSON::{case.aggregate.sql_type}[]"
    query = f"""SELECT typeof([seen]) = typeof({expected}), [seen] IS NOT DISTINCT FROM {expected}, seen::VARCHAR
        FROM (SELECT {shown.shown_sql(column)} AS seen FROM (SELECT {typed}))"""
    right = json.dumps([answer if fits else None])
    found = connection.execute(query, [right, right, *row]).fetchone()
    assert found is not None
    assert found[:2] == (True, True), (found, answer)


# how states are made and compared


def zero(case: Case) -> State:
    return case.aggregate.zero()


def folded(case: Case, part: Part, onto: State | None = None) -> State:
    tile = [case.aggregate.zero() if onto is None else onto]
    case.aggregate.fold(0, [tile] * len(part), [value for value, _ in part], [order for _, order in part])
    return tile[0]


def merged(case: Case, state: State, other: State) -> State:
    return case.aggregate.merge(state, other)


def unpacked(case: Case, state: State) -> State:
    return case.aggregate.unpack(case.aggregate.pack(state))


def present_values(part: Part) -> list[Any]:
    return [value for value, _ in part if value is not None]


def assert_same(case: Case, part: Part, state: State, expected: State) -> None:
    found, right = case.aggregate.present(state), case.aggregate.present(expected)
    assert case.same(found, right, present_values(part)), (found, right)
    again = case.aggregate.present(unpacked(case, state))
    assert case.same(again, right, present_values(part)), (again, right)
    if case.same is equal:  # as JSON too, where true is not 1 and 0.0 not -0.0
        assert json.dumps(found) == json.dumps(again) == json.dumps(right)


PYTHON_BY_SQL_TYPE = {"BIGINT": int, "DOUBLE": float, "VARCHAR": str, "BOOLEAN": bool, "BLOB": bytes}


def through_sqlite(packed: Sequence[Any], types: Sequence[str]) -> tuple[Any, ...]:
    with sqlite3.connect(":memory:") as connection:
        connection.execute(f"CREATE TABLE t ({', '.join(f'c{i} {t}' for i, t in enumerate(types))})")
        connection.execute(f"INSERT INTO t VALUES ({', '.join('?' * len(packed))})", packed)
        row: tuple[Any, ...] = connection.execute("SELECT * FROM t").fetchone()
    connection.close()
    return row


def sql_folded(case: Case, parts: Sequence[Part], connection: duckdb.DuckDBPyConnection) -> list[State]:
    """The state of each part, folded by DuckDB."""
    rows = [(number, value, *order) for number, part in enumerate(parts) for value, order in part]
    columns = [list(column) for column in zip(*rows, strict=True)] or [[]] * 5
    connection.execute(
        f"""CREATE OR REPLACE TABLE events AS SELECT unnest($1::BIGINT[]) AS part,
            unnest($2::{SQL_TYPE_BY_KIND[case.kind]}[]) AS value, unnest($3::BIGINT[]) AS "time",
            unnest($4::BIGINT[]) AS "partition", unnest($5::BIGINT[]) AS "offset" """,
        columns,
    )
    order = 'struct_pack("time" := "time", "partition" := "partition", "offset" := "offset")'
    expressions = case.aggregate.fold_sql("value", order)
    selected = ", ".join(expressions or [case.aggregate.gather_sql("value", order)])
    found = connection.execute(f"SELECT part, {selected} FROM events GROUP BY part").fetchall()
    if expressions is not None:
        types = [column.type for column in case.aggregate.columns]
        assert [str(c[1]) for c in connection.description or ()][1:] == types
        for row in found:
            assert all(v is None or type(v) is PYTHON_BY_SQL_TYPE[t] for v, t in zip(row[1:], types, strict=True))
    unpack = case.aggregate.unpack if expressions is not None else lambda row: case.aggregate.gathered(row[0])
    state_by_part = {row[0]: unpack(row[1:]) for row in found}
    return [state_by_part.get(number, case.aggregate.zero()) for number in range(len(parts))]


def evidence_of(case: Case, part: Part, connection: duckdb.DuckDBPyConnection) -> Any:
    """What DuckDB gathers for the judge, of one tile; it never judges a tile without events."""
    values, times, partitions, offsets = zip(*((value, *order) for value, order in part), strict=True)
    connection.execute(
        f"""CREATE OR REPLACE TABLE events AS SELECT unnest($1::{SQL_TYPE_BY_KIND[case.kind]}[]) AS value,
            unnest($2::BIGINT[]) AS "time", unnest($3::BIGINT[]) AS "partition", unnest($4::BIGINT[]) AS "offset" """,
        [values, times, partitions, offsets],
    )
    evidence = case.aggregate.evidence_sql("value", 'row("time", "partition", "offset")')
    found = connection.execute(f"SELECT {evidence} FROM events").fetchone()
    assert found is not None
    return found[0]


def sql_merged(case: Case, packed: Sequence[Any], connection: duckdb.DuckDBPyConnection) -> State:
    """The merged state of packed states, merged by DuckDB."""
    columns = case.aggregate.columns
    connection.execute(
        "CREATE OR REPLACE TABLE states AS SELECT "
        + ", ".join(f'unnest(${i + 1}::{column.type}[]) AS "m__{column.name}"' for i, column in enumerate(columns)),
        [list(column) for column in zip(*packed, strict=True)],
    )
    expressions = case.aggregate.merge_sql([f'"m__{column.name}"' for column in columns])
    assert expressions is not None
    row = connection.execute(f"SELECT {', '.join(expressions)} FROM states").fetchone()
    assert row is not None
    assert [str(c[1]) for c in connection.description or ()] == [column.type for column in columns]
    return case.aggregate.unpack(row)
