"""A wrong definition fails where it is written, with a message that says what is wrong and what to write."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import BaseModel, create_model

from anabranch import App, DefinitionError, Stream, agg
from anabranch.agg.aggregate import Aggregate


class Rental(BaseModel):
    rental_id: str
    station: str
    minutes: float
    bikes: int = 1
    started: datetime
    tags: list[str] = []


@pytest.fixture
def app() -> App:
    return App("bikes")


@pytest.fixture
def rentals(app: App) -> Stream:
    return app.stream("rentals", Rental, id="rental_id", key="station", time="started")


def refusal(definition: Callable[[], object]) -> DefinitionError:
    with pytest.raises(DefinitionError) as caught:
        definition()
    return caught.value


def assert_says(error: DefinitionError, *parts: str) -> None:
    assert all(part in str(error) for part in parts), str(error)
    assert error.location is not None
    assert error.location.startswith(__file__), error.location
    assert str(error).startswith(error.location)


# streams


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        ({"id": "rentalid"}, ("id='rentalid' is not a field of Rental", "rental_id, station")),
        ({"key": "nowhere"}, ("key='nowhere' is not a field", "Take one of")),
        ({"time": "minutes"}, ("time='minutes' is not a datetime", "minutes: datetime")),
        ({"id": "minutes"}, ("id='minutes' cannot identify anything", "str, int, bool or UUID")),
        ({"key": "tags"}, ("key='tags' cannot identify anything",)),
    ],
)
def test_a_stream_names_the_field_that_it_cannot_use(app: App, arguments: dict[str, str], parts: tuple[str]) -> None:
    assert_says(refusal(lambda: app.stream("rentals", Rental, **arguments)), "stream 'rentals'", *parts)


@pytest.mark.parametrize("name", ["", "two words", "_hidden", "a-b", "1st"])
def test_names_must_be_usable_in_sql_and_paths(app: App, rentals: Stream, name: str) -> None:
    assert_says(refusal(lambda: app.stream(name, Rental)), "not a usable name", "letters, digits and '_'")
    assert_says(refusal(lambda: app.view(name, of=rentals, n=agg.count())), "not a usable name")


@pytest.mark.parametrize("where", [agg.count(), "rider == 'a'", True])
def test_what_a_view_leaves_out_is_told_by_a_function(app: App, rentals: Stream, where: Any) -> None:
    said = refusal(lambda: app.view("usage", of=rentals, where=where, n=agg.count()))
    assert_says(said, "view 'usage': where=", "is not a function", "Write where=lambda e: ...")


def test_streams_and_views_have_one_name_each(app: App, rentals: Stream) -> None:
    app.view("usage", of=rentals, n=agg.count())
    assert_says(refusal(lambda: app.stream("rentals", Rental)), "stream 'rentals': is defined twice", "Rename")
    assert_says(refusal(lambda: app.view("usage", of=rentals, n=agg.count())), "view 'usage': is defined twice")
    assert_says(refusal(lambda: app.view("Usage", of=rentals, n=agg.count())), "differs from 'usage' only in case")


def test_a_stream_needs_a_pydantic_model(app: App) -> None:
    assert_says(refusal(lambda: app.stream("rentals", dict)), "not a pydantic model")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("annotation", "default"),
    [
        (float, float("nan")),
        (float, "5"),
        (int, 2**63),
        (int, True),
        (str, 5),
        (datetime, datetime(2014, 5, 1)),  # noqa: DTZ001 (a naive one is the point)
        (datetime, "yesterday"),
    ],
)
def test_a_default_must_be_what_an_event_could_have_sent(app: App, annotation: type, default: object) -> None:
    """Else the fold would meet it, long after it could have been refused."""
    model: Any = create_model("Model", field=(annotation, default))
    assert_says(refusal(lambda: app.stream("events", model)), "the default", "of field 'field'", "Write one")


@pytest.mark.parametrize(
    ("annotation", "default"),
    [(float, 0), (int, -(2**63)), (str, ""), (bool, False), (datetime, datetime(2014, 5, 1, tzinfo=UTC)), (list, [1])],
)
def test_a_sound_default_is_taken(app: App, annotation: type, default: object) -> None:
    model: Any = create_model("Model", field=(annotation, default))
    assert app.stream("events", model).fields["field"].default == default


def test_fields_that_sql_cannot_tell_apart_are_refused(app: App) -> None:
    model: Any = create_model("Model", page=(str, ...), Page=(str, ...))
    assert_says(refusal(lambda: app.stream("events", model)), "'page' and 'Page' differ only in case")


# views


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        ({"by": "nowhere"}, ("by='nowhere' is not a field of Rental that can be a key", "station, bikes")),
        ({"by": "minutes"}, ("by='minutes' is not a field", "or a function event -> key")),
        ({"by": ("station", "tags")}, ("by='tags'",)),
        ({"by": 5}, ("by=5 is not a field of Rental that can be a key",)),
        ({"by": ("station", "station")}, ("by=('station', 'station') names a field twice",)),
        ({"by": lambda: "a"}, ("cannot be called with (event): too many positional arguments", "by=lambda e: ...")),
        ({"tile": "an hour"}, ("tile='an hour' is no duration", "like '1h'")),
        ({"tile": 3600}, ("tile=3600 is no duration",)),
        ({"tile": "1h", "keep": "0d"}, ("keep='0d' is no duration",)),
        ({"keep": "90d"}, ("keep= needs tiles to drop", 'tile="1h"')),
        ({"n": agg.mean("nowhere")}, ("aggregate 'n'", "'nowhere' is not a field of Rental", "rental_id, station")),
        ({"n": agg.mean("station")}, ("aggregate 'n'", "mean('station') needs a number, and station is text")),
        ({"n": agg.quantile("started", 0.5)}, ("needs a number, and started is instant",)),
        ({"n": agg.collect("tags")}, ("needs a plain value, and tags is other",)),
        ({"n": 5}, ("aggregate 'n'", "5 is not an aggregate", "agg.count()")),
        ({"n": agg.count}, ("is not an aggregate",)),
        ({"Tile": agg.count()}, ("aggregate 'Tile'", "the name is taken: 'tile'")),
        ({"a__b": agg.count()}, ("aggregate 'a__b'", "'__'")),
        ({"by": "station", "Station": agg.count()}, ("aggregate 'Station'", "taken by a key field")),
        ({"n": agg.count(), "N": agg.count()}, ("aggregate 'N'", "taken by aggregate 'n'")),
    ],
)
def test_a_view_says_what_is_wrong_and_what_to_write(
    app: App, rentals: Stream, arguments: dict[str, Any], parts: tuple[str]
) -> None:
    with_one = {"rentals": agg.count(), **arguments}
    assert_says(refusal(lambda: app.view("usage", of=rentals, **with_one)), "view 'usage'", *parts)


def test_a_view_needs_a_stream_of_its_own_application_and_an_aggregate(app: App, rentals: Stream) -> None:
    assert_says(refusal(lambda: app.view("usage", of="rentals", n=agg.count())), "is not a stream of app 'bikes'")  # type: ignore[arg-type]
    other = App("other")
    assert_says(refusal(lambda: other.view("usage", of=rentals, n=agg.count())), "is not a stream of app 'other'")
    assert_says(refusal(lambda: app.view("usage", of=rentals)), "has no aggregate", "agg.count()")


def test_a_key_field_that_is_a_word_of_the_query_needs_a_function(app: App) -> None:
    model: Any = create_model("Model", last=(str, ...))
    events = app.stream("events", model)
    assert_says(refusal(lambda: app.view("usage", of=events, by="last", n=agg.count())), "by=lambda e: e.last")


# the parameters of aggregates


@pytest.mark.parametrize(
    ("make", "parts"),
    [
        (lambda: agg.quantile("minutes", 1.5), ("agg.quantile: q=1.5 is not a number from 0 to 1", "0.9")),
        (lambda: agg.quantile("minutes", 90), ("q=90",)),
        (lambda: agg.quantile("minutes", True), ("q=True",)),
        (lambda: agg.quantile("minutes", "0.9"), ("q='0.9'",)),  # type: ignore[arg-type]
        (lambda: agg.quantile("minutes", float("nan")), ("q=nan",)),
        (lambda: agg.quantile("minutes", 0.9, error=0), ("error=0 is not a number from 0.0001 to 0.5", "0.01")),
        (lambda: agg.histogram("minutes", []), ("agg.histogram", "1 to 1,000 rising numbers")),
        (lambda: agg.histogram("minutes", [60, 10]), ("[60, 10] are not 1 to 1,000 rising", "smallest first")),
        (lambda: agg.histogram("minutes", [1, 1]), ("rising",)),
        (lambda: agg.histogram("minutes", [1, float("inf")]), ("not finite numbers", "edges=[10, 60]")),
        (lambda: agg.histogram("minutes", "123"), ("not finite numbers",)),  # type: ignore[arg-type]
        (lambda: agg.histogram("minutes", 5), ("not finite numbers",)),  # type: ignore[arg-type]
        (lambda: agg.top("station", 0), ("agg.top: k=0 is not a whole number from 1 to 1,000",)),
        (lambda: agg.top("station", 2.0), ("k=2.0",)),  # type: ignore[arg-type]
        (lambda: agg.collect("station", limit=0), ("agg.collect: limit=0 is not a whole number",)),
        (lambda: agg.distinct("station", precision=40), ("agg.distinct: precision=40", "from 5 to 20")),
        (lambda: agg.sum(5), ("agg.sum: 5 is not the name of a field",)),  # type: ignore[arg-type]
        (lambda: agg.sum(None), ("agg.sum: None is not the name of a field",)),  # type: ignore[arg-type]
        (lambda: agg.last("station", where="minutes > 5"), ("agg.last: where='minutes > 5' is not a function",)),  # type: ignore[arg-type]
    ],
)
def test_an_aggregate_refuses_a_parameter_at_the_line_that_wrote_it(
    make: Callable[[], Aggregate], parts: tuple[str]
) -> None:
    assert_says(refusal(make), *parts)


@pytest.mark.parametrize("aggregate", [agg.distinct("f"), agg.top("f"), agg.quantile("f", 0.5)])
def test_a_sketch_states_its_error(aggregate: Aggregate) -> None:
    assert aggregate.error is not None
    assert "%" in aggregate.error


# the whole


def test_an_application_knows_what_belongs_to_a_stream(app: App, rentals: Stream) -> None:
    other = app.stream("others", Rental)
    usage = app.view("usage", of=rentals, n=agg.count())
    app.view("else_where", of=other, n=agg.count())
    assert app.views_of("rentals") == [usage]
    assert app.views_of("nowhere") == []
    assert app.models_of("rentals") == []


def test_what_one_process_remembers_of_fields_that_are_lacking_another_is_told(app: App, rentals: Stream) -> None:
    rentals.recall({"bikes": "7"})
    told = App("bikes")
    told.stream("rentals", Rental, id="rental_id", key="station", time="started")
    assert told.streams["rentals"].lacking["bikes"] == 1
    assert told.recall(app.recorded) is told
    assert told.streams["rentals"].lacking["bikes"] == 7
    assert told.recorded == app.recorded
