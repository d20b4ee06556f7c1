"""count: how many."""

from anabranch import agg
from anabranch.agg.aggregate import Aggregate
from tests.anabranch.agg.folding import answer, nothing, over


def test_events_are_counted_without_a_field_and_values_with_one() -> None:
    assert answer(agg.count(), [1, 1, 1]) == 3
    assert answer(over("text", agg.count("field")), ["", None, "b"]) == 2


def test_nothing_is_none_counted() -> None:
    assert nothing(agg.count()) == 0


def test_any_kind_of_field_can_be_counted() -> None:
    assert answer(over("other", agg.count("field")), [True, None]) == 1


def test_its_answer_is_a_whole_number_in_sql() -> None:
    aggregate: Aggregate = agg.count()
    assert (aggregate.sql_type, aggregate.present_sql(["n"]), aggregate.error) == ("BIGINT", "n", None)
