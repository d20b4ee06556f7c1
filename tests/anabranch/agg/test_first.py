"""first: the value of the earliest event."""

from anabranch import agg
from anabranch.events import Order
from tests.anabranch.agg.folding import answer, folded, nothing, over


def test_the_event_time_decides_not_the_place_in_the_log() -> None:
    orders: list[Order] = [(9, 0, 0), (2, 0, 1), (5, 0, 2)]
    assert answer(over("text", agg.first("field")), ["late", "early", "middle"], orders) == "early"


def test_among_events_of_one_instant_the_place_in_the_log_decides() -> None:
    aggregate = over("text", agg.first("field"))
    assert answer(aggregate, ["two", "one"], [(5, 0, 2), (5, 0, 1)]) == "one"
    assert answer(aggregate, ["high", "low"], [(5, 1, 0), (5, 0, 9)]) == "low"


def test_an_event_without_a_value_is_passed_over() -> None:
    orders: list[Order] = [(1, 0, 0), (2, 0, 1), (3, 0, 2)]
    assert answer(over("boolean", agg.first("field")), [None, False, None], orders) is False


def test_of_nothing_it_is_none() -> None:
    assert nothing(over("integer", agg.first("field"))) is None


def test_times_before_1970_come_in_order() -> None:
    aggregate = over("integer", agg.first("field"))
    early, late = folded(aggregate, [1], [(-9, 0, 5)]), folded(aggregate, [2], [(-2, 0, 0)])
    assert aggregate.present(aggregate.merge(late, early)) == aggregate.present(aggregate.merge(early, late))
    assert aggregate.present(aggregate.merge(early, late)) == 1


def test_an_instant_is_shown_as_text() -> None:
    aggregate = over("instant", agg.first("field"))
    assert answer(aggregate, [1_500_000]) == "1970-01-01T00:00:01.500000Z"
    assert aggregate.sql_type == "TIMESTAMPTZ"
