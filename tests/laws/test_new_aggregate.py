"""A row in the table is all that it takes to hold a new aggregate to every law."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.end_to_end.new_aggregate_application import flags, longest, newest
from tests.laws import checks
from tests.laws.table import Case, Contribution, cases, of_values
from tests.laws.test_aggregates import LAWS, connection, parts

__all__ = ["connection"]


def newest_first(contributions: Any) -> Any:
    placed = sorted(((order, value) for value, order in contributions if value is not None), reverse=True)
    return [value for _, value in placed[:3]]


TABLE = [
    *cases(longest("field"), of_values(lambda values: max(sorted(values), key=len)), ("text",)),
    *cases(newest("field"), newest_first, ("text",)),
    *cases(flags("field"), of_values(lambda values: reduce(or_, values), 0), ("integer",)),
]


@pytest.mark.parametrize("case", TABLE, ids=str)
@LAWS
@given(data=st.data())
def test_a_new_aggregate_keeps_every_law(case: Case, data: Any, connection: duckdb.DuckDBPyConnection) -> None:
    found: list[list[Contribution]] = data.draw(parts(case, 3))
    one, two, three = found
    checks.check_zero_is_neutral(case, one)
    checks.check_merge_is_commutative(case, one, two)
    checks.check_merge_is_associative(case, one, two, three)
    checks.check_split_folds_merge_to_the_whole(case, one, len(one) // 2)
    checks.check_order_does_not_matter(case, one, data.draw(st.permutations(one)))
    checks.check_fold_is_add_in_a_loop(case, one)
    checks.check_packing_keeps_the_state(case, one)
    checks.check_state_is_plain_data(case, one)
    checks.check_merge_leaves_the_other_alone(case, one, two, three)
    checks.check_a_copy_goes_its_own_way(case, one, two)
    checks.check_presenting_a_merge_is_merging_and_presenting(case, one, two)
    checks.check_it_agrees_with_the_reference(case, one)
    checks.check_sql_agrees(case, found, connection)
    checks.check_analysts_see_the_answer(case, one, connection)
    if one:
        checks.check_it_is_judged_right(case, one, connection)
