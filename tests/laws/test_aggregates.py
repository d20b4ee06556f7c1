"""Every aggregate of the table keeps every law."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.laws import checks
from tests.laws.table import TABLE, Case, Contribution
from tests.tries import tries

LAWS = settings(
    max_examples=tries(12, 1_000), suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
every_case = pytest.mark.parametrize("case", TABLE, ids=str)


@st.composite
def parts(draw: st.DrawFn, case: Case, count: int) -> list[list[Contribution]]:
    """Some parts of one log: values, some of them missing, at places that are all different."""
    value = st.none() | case.values | case.values
    raw = draw(st.lists(st.tuples(value, st.integers(0, 3), st.integers(0, 1), st.integers(0, count - 1)), max_size=60))
    found: list[list[Contribution]] = [[] for _ in range(count)]
    for offset, (item, time, partition, part) in enumerate(raw):
        found[part].append((item, (time, partition, offset)))
    return found


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"threads": 1}) as found:
        yield found


@every_case
@LAWS
@given(data=st.data())
def test_merge_is_commutative_and_associative_with_a_zero(case: Case, data: Any) -> None:
    one, two, three = data.draw(parts(case, 3))
    checks.check_zero_is_neutral(case, one)
    checks.check_merge_is_commutative(case, one, two)
    checks.check_merge_is_associative(case, one, two, three)


@every_case
@LAWS
@given(data=st.data())
def test_a_fold_may_be_cut_and_reordered_anywhere(case: Case, data: Any) -> None:
    (part,) = data.draw(parts(case, 1))
    checks.check_split_folds_merge_to_the_whole(case, part, data.draw(st.integers(0, len(part))))
    checks.check_order_does_not_matter(case, part, data.draw(st.permutations(part)))
    checks.check_fold_is_add_in_a_loop(case, part)


@every_case
@LAWS
@given(data=st.data())
def test_the_state_is_plain_data_and_survives_packing(case: Case, data: Any) -> None:
    (part,) = data.draw(parts(case, 1))
    checks.check_packing_keeps_the_state(case, part)
    checks.check_state_is_plain_data(case, part)


@every_case
@LAWS
@given(data=st.data())
def test_merging_never_changes_the_other_state(case: Case, data: Any) -> None:
    one, two, three = data.draw(parts(case, 3))
    checks.check_merge_leaves_the_other_alone(case, one, two, three)
    checks.check_a_copy_goes_its_own_way(case, one, two)
    checks.check_presenting_a_merge_is_merging_and_presenting(case, one, two)


@every_case
@LAWS
@given(data=st.data())
def test_the_answer_is_that_of_plain_python(case: Case, data: Any) -> None:
    (part,) = data.draw(parts(case, 1))
    checks.check_it_agrees_with_the_reference(case, part)


@every_case
@LAWS
@given(data=st.data())
def test_sql_folds_and_merges_to_the_same(case: Case, data: Any, connection: duckdb.DuckDBPyConnection) -> None:
    checks.check_sql_agrees(case, data.draw(parts(case, 3)), connection)


@every_case
@LAWS
@given(data=st.data())
def test_the_judge_calls_the_answer_right(case: Case, data: Any, connection: duckdb.DuckDBPyConnection) -> None:
    (part,) = data.draw(parts(case, 1).filter(lambda found: bool(found[0])))
    checks.check_it_is_judged_right(case, part, connection)


@every_case
@LAWS
@given(data=st.data())
def test_analysts_see_the_answer_in_a_typed_column(
    case: Case, data: Any, connection: duckdb.DuckDBPyConnection
) -> None:
    (part,) = data.draw(parts(case, 1))
    checks.check_analysts_see_the_answer(case, part, connection)


def test_every_public_aggregate_is_in_the_table() -> None:
    from anabranch import agg

    assert {type(case.aggregate).__name__ for case in TABLE} == set(agg.__all__)
