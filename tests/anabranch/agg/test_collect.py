"""collect: the different values themselves."""

import pytest

from anabranch import DefinitionError, agg
from tests.anabranch.agg.folding import answer, folded, nothing, over


def test_values_come_once_and_by_code_point() -> None:
    aggregate = over("text", agg.collect("field"))
    assert answer(aggregate, ["b", "", "Ä", "b", None, "a", "\U0001f600"]) == ["", "a", "b", "Ä", "\U0001f600"]


def test_of_nothing_there_are_none() -> None:
    assert nothing(over("integer", agg.collect("field"))) == []


def test_beyond_the_limit_the_smallest_stay_whatever_came_first() -> None:
    aggregate = over("integer", agg.collect("field", limit=2))
    assert answer(aggregate, list(range(100, -1, -1))) == [0, 1]
    state = aggregate.merge(folded(aggregate, [5, 6, 7, 8]), folded(aggregate, [9, 1]))
    assert aggregate.present(state) == [1, 5]


def test_the_borders_of_64_bits_are_kept() -> None:
    assert answer(over("integer", agg.collect("field")), [2**63 - 1, -(2**63)]) == [-(2**63), 2**63 - 1]


def test_true_and_one_are_not_mixed_up() -> None:
    assert [type(value) for value in answer(over("boolean", agg.collect("field")), [True, False])] == [bool, bool]


def test_instants_sort_as_instants_before_the_year_1000_too() -> None:
    years = answer(over("instant", agg.collect("field")), [0, -62_135_596_800_000_000])
    assert years == ["0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z"]


@pytest.mark.parametrize("limit", [0, -1, 1_000_001, 2.0, True])
def test_a_limit_that_makes_no_sense_is_refused(limit: int) -> None:
    with pytest.raises(DefinitionError, match="limit="):
        agg.collect("field", limit=limit)


def test_its_column_is_a_list_of_the_type_of_the_field() -> None:
    assert over("instant", agg.collect("field")).sql_type == "TIMESTAMPTZ[]"
    assert over("number", agg.collect("field")).sql_type == "DOUBLE[]"
