"""last: the value of the latest event."""

from anabranch import agg
from anabranch.events import Order
from tests.anabranch.agg.folding import answer, folded, nothing, over


def test_the_event_time_decides_not_the_place_in_the_log() -> None:
    orders: list[Order] = [(9, 0, 0), (2, 0, 1), (5, 0, 2)]
    assert answer(over("text", agg.last("field")), ["late", "early", "middle"], orders) == "late"


def test_among_events_of_one_instant_the_place_in_the_log_decides() -> None:
    aggregate = over("text", agg.last("field"))
    assert answer(aggregate, ["two", "one"], [(5, 0, 2), (5, 0, 1)]) == "two"
    assert answer(aggregate, ["high", "low"], [(5, 1, 0), (5, 0, 9)]) == "high"


def test_an_event_without_a_value_is_passed_over() -> None:
    orders: list[Order] = [(1, 0, 0), (2, 0, 1), (3, 0, 2)]
    assert answer(over("boolean", agg.last("field")), [None, False, None], orders) is False


def test_of_nothing_it_is_none() -> None:
    assert nothing(over("integer", agg.last("field"))) is None


def test_times_before_1970_come_in_order() -> None:
    aggregate = over("integer", agg.last("field"))
    early, late = folded(aggregate, [1], [(-9, 0, 5)]), folded(aggregate, [2], [(-2, 0, 0)])
    assert aggregate.present(aggregate.merge(late, early)) == aggregate.present(aggregate.merge(early, late))
    assert aggregate.present(aggregate.merge(early, late)) == 2


def test_an_instant_is_shown_as_text() -> None:
    aggregate = over("instant", agg.last("field"))
    assert answer(aggregate, [1_500_000]) == "1970-01-01T00:00:01.500000Z"
    assert aggregate.sql_type == "TIMESTAMPTZ"
