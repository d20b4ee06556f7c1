"""``/v1/streams``: posting, reading the log, and what was rejected."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable, Iterator

import orjson
import pytest
from sqlalchemy import event, text

from eventlog.errors import LogUnavailableError
from eventlog.intake.door import BodyLimits
from eventlog.log import Append
from eventlog.log.sql_log import SqlLog
from eventlog.registry.database import Database
from tests.serving.conftest import NOW, Home, rental

EVENTS = "/v1/streams/rentals/events"
NDJSON = {"content-type": "application/x-ndjson"}


def lines(*events: object) -> bytes:
    return b"\n".join(orjson.dumps(event) for event in events)


def test_all_accepted_is_201_and_duplicates_count_as_accepted(home: Home) -> None:
    first = home.client.post(EVENTS, content=lines(rental(1), rental(2)), headers=NDJSON)
    again = home.client.post(EVENTS, content=lines(rental(2), rental(3)), headers=NDJSON)

    assert (first.status_code, first.json()) == (
        201,
        {"accepted": 2, "duplicates": 0, "rejected": [], "position": "0:2"},
    )
    assert (again.status_code, again.json()) == (
        201,
        {"accepted": 1, "duplicates": 1, "rejected": [], "position": "0:3"},
    )


def test_some_rejected_is_207_and_they_are_kept(home: Home) -> None:
    response = home.client.post(EVENTS, json=[rental(1), rental(2, minutes=-1), {"station": "b"}])

    assert response.status_code == 207
    answer = response.json()
    assert (answer["accepted"], answer["position"]) == (1, "0:1")
    assert [rejected["index"] for rejected in answer["rejected"]] == [1, 2]
    assert answer["rejected"][0]["errors"][0]["field"] == "minutes"
    kept = home.get("/v1/streams/rentals/rejected")["rejected"]
    assert [orjson.loads(letter["body"]) for letter in kept] == [rental(2, minutes=-1), {"station": "b"}]
    assert kept[0]["errors"] == answer["rejected"][0]["errors"]


def test_none_accepted_is_422_and_a_problem(home: Home) -> None:
    response = home.client.post(EVENTS, json={"station": "b"})

    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    answer = response.json()
    assert (answer["accepted"], answer["duplicates"], answer["position"]) == (0, 0, "0:0")
    assert "rental_id" in answer["detail"]
    assert len(home.get("/v1/streams/rentals/rejected")["rejected"]) == 1


def test_an_event_too_far_ahead_of_the_clock_is_rejected(home: Home) -> None:
    response = home.client.post(EVENTS, json=rental(1, started="2100-01-01T00:00:00Z"))

    assert response.status_code == 422
    assert response.json()["rejected"][0]["errors"][0]["field"] == "started"


def test_malformed_lines_refuse_the_whole_body_and_are_named(home: Home) -> None:
    response = home.client.post(EVENTS, content=lines(rental(1)) + b"\n{oops}\n", headers=NDJSON)

    assert response.status_code == 422
    assert response.json()["line"] == 2
    assert home.get(EVENTS)["events"] == []


def test_another_content_type_is_refused_with_those_that_can_be_read(home: Home) -> None:
    response = home.client.post(EVENTS, content=b"a,b", headers={"content-type": "text/csv"})

    assert response.status_code == 415
    assert "application/x-ndjson" in response.json()["supported"]


@pytest.mark.parametrize("stream", ["rental", "_anabranch"])
def test_an_unknown_stream_is_answered_with_the_known_ones(home: Home, stream: str) -> None:
    response = home.client.post(f"/v1/streams/{stream}/events", json={})

    assert response.status_code == 404
    assert response.json()["known"] == ["pings", "rentals"]


def test_a_body_is_refused_by_its_promised_length(make_home: Callable[..., Home]) -> None:
    home = make_home(limits=BodyLimits(max_body_bytes=100))

    response = home.client.post(EVENTS, content=b" " * 101, headers=NDJSON)

    assert (response.status_code, response.json()["limit"]) == (413, 100)


def test_a_body_without_a_length_is_refused_once_it_is_too_long(make_home: Callable[..., Home]) -> None:
    home = make_home(limits=BodyLimits(max_body_bytes=100))
    sent: list[int] = []

    async def endless() -> AsyncIterator[bytes]:
        for number in range(1_000):
            sent.append(number)
            yield b" " * 50

    response = home.client.post(EVENTS, content=endless(), headers=NDJSON)

    assert response.status_code == 413
    assert len(sent) < 10


def test_too_many_events_are_refused(make_home: Callable[..., Home]) -> None:
    home = make_home(limits=BodyLimits(max_events=2))

    response = home.client.post(EVENTS, json=[rental(n) for n in range(3)])

    assert (response.status_code, response.json()["limit"]) == (413, 2)


def test_a_log_that_cannot_write_says_when_to_try_again(make_home: Callable[..., Home]) -> None:
    home = make_home()

    class Full:
        """A log on a full disk."""

        def submit(self, append: Append) -> object:
            raise LogUnavailableError("the disk is full")

    full = make_home(log=Full())
    response = full.client.post(EVENTS, json=rental(1))

    assert response.status_code == 503
    assert response.headers["retry-after"] == "1"
    assert "full" in response.json()["detail"]
    assert home.get(EVENTS)["events"] == []


@pytest.fixture
def impatient(home: Home) -> Iterator[Database]:
    """The database of the home, which does not wait for a lock; another connection to it."""
    log = home.service.log
    assert isinstance(log, SqlLog)
    log.database.engine.dispose()
    no_wait = "PRAGMA busy_timeout = 20"
    event.listen(log.database.engine, "checkout", lambda connection, *_: connection.execute(no_wait))
    other = Database(log.database.engine.url.render_as_string())
    yield other
    other.close()


def test_a_request_that_is_repeated_after_a_503_keeps_its_rejected_events_once(home: Home, impatient: Database) -> None:
    events = [rental(1), {"station": "b"}]
    with impatient.write():
        assert home.client.post(EVENTS, json=events).status_code == 503
        assert home.client.post(EVENTS, json=events[1:]).status_code == 503
    assert home.client.post(EVENTS, json=events).status_code == 207
    assert len(home.get("/v1/streams/rentals/rejected")["rejected"]) == 1
    assert len(home.get(EVENTS)["events"]) == 1


def test_a_retry_that_cannot_be_noted_appends_nothing(home: Home) -> None:
    letters, database = home.service.dead_letters, home.service.dead_letters.database
    [fixed] = letters.add("pings", [(b'{"host": "h", "number": 1}', [{"field": "", "message": "?"}])])
    retry = f"/v1/streams/pings/rejected/{fixed}/retry"
    with database.write() as connection:
        connection.execute(text("CREATE TRIGGER no BEFORE UPDATE ON dead_letters BEGIN SELECT RAISE(ABORT, 'no'); END"))
    assert home.client.post(retry).status_code == 500
    with database.write() as connection:
        connection.execute(text("DROP TRIGGER no"))
    assert home.client.post(retry).status_code == 200
    assert home.client.post(retry).status_code == 409
    assert len(home.get("/v1/streams/pings/events")["events"]) == 1


def test_a_large_body_is_taken_as_a_small_one_is(make_home: Callable[..., Home]) -> None:
    home = make_home(limits=BodyLimits())

    response = home.client.post(EVENTS, content=lines(*(rental(n) for n in range(2_000))), headers=NDJSON)

    assert response.json()["accepted"] == 2_000
    assert home.rows("usage", station="a")[0]["rentals"] == 2_000


def test_requests_made_at_once_are_all_durable(home: Home) -> None:
    answers = home.client.all(*[("POST", EVENTS, {"json": rental(n)}) for n in range(40)])

    assert {answer.status_code for answer in answers} == {201}
    assert sorted(event["id"] for event in home.get(EVENTS)["events"]) == sorted(str(n) for n in range(40))


def test_the_log_is_read_back_with_its_places(home: Home) -> None:
    home.post(rental(1, "ü", colour="red"))

    assert home.get(EVENTS) == {
        "events": [
            {
                "partition": 0,
                "offset": 0,
                "time": "2023-11-01T10:20:00Z",
                "appended": "2023-11-14T22:13:20Z",
                "key": "ü",
                "id": "1",
                "data": {**rental(1, "ü", colour="red"), "rider": None},
            }
        ],
        "next": "0:1",
    }
    assert NOW == 1_700_000_000_000_000


def test_reading_goes_on_at_next_over_the_events_of_other_streams(home: Home) -> None:
    for number in range(4):
        home.post(rental(number))
        home.post(*({"host": "h", "number": n} for n in range(30)), stream="pings")

    found, after, requests = [], "0:0", 0
    while True:
        answer = home.get(EVENTS, after=after, limit=2)
        found += [event["offset"] for event in answer["events"]]
        requests += 1
        if answer["next"] == after:
            break
        after = answer["next"]

    assert found == [0, 31, 62, 93]
    assert after == "0:124"
    assert requests < 15


def test_reading_behind_the_end_is_empty_and_does_not_wait(home: Home) -> None:
    assert home.get(EVENTS, after="0:77") == {"events": [], "next": "0:77"}


@pytest.mark.parametrize(("name", "value"), [("after", "0:1,1:2"), ("after", "x"), ("limit", "0"), ("last", "1h")])
def test_wrong_parameters_of_reading_are_named(home: Home, name: str, value: str) -> None:
    assert home.get(EVENTS, 422, **{name: value})["parameter"] == name


def test_streams_are_described(home: Home) -> None:
    position = home.post(rental(1))
    home.client.post(EVENTS, json={})

    stream = home.get("/v1/streams/rentals", after=position)

    assert (stream["id"], stream["key"], stream["time"]) == ("rental_id", "station", "started")
    assert stream["schema"]["properties"]["minutes"]["minimum"] == 0
    assert (stream["events"], stream["rejected"]) == (3, 1)
    assert stream["views"] == ["usage", "riders"]
    assert [stream["stream"] for stream in home.get("/v1/streams")["streams"]] == ["rentals", "pings"]
    assert home.get("/v1/streams/nothing", 404)["known"] == ["pings", "rentals"]


# rejected


def test_a_retry_takes_an_event_that_is_right_by_now(make_home: Callable[..., Home]) -> None:
    strict = make_home(limits=BodyLimits(max_future_us=0))
    event = rental(1, started="2023-11-14T22:30:00Z")
    assert strict.client.post(EVENTS, json=event).status_code == 422
    lenient = make_home(limits=BodyLimits(max_future_us=3_600_000_000))
    number = lenient.get("/v1/streams/rentals/rejected")["rejected"][0]["id"]

    response = lenient.client.post(f"/v1/streams/rentals/rejected/{number}/retry")

    assert (response.status_code, response.json()) == (
        200,
        {"accepted": 1, "duplicates": 0, "rejected": [], "position": "0:1"},
    )
    assert lenient.get("/v1/streams/rentals/rejected")["rejected"] == []
    assert lenient.get(EVENTS)["events"][0]["data"] == {**event, "rider": None}
    again = lenient.client.post(f"/v1/streams/rentals/rejected/{number}/retry")
    assert again.status_code == 409


def test_a_retry_of_an_event_that_is_still_wrong_leaves_it_there(home: Home) -> None:
    home.client.post(EVENTS, json={"station": "b"})
    letter = home.get("/v1/streams/rentals/rejected")["rejected"][0]

    response = home.client.post(f"/v1/streams/rentals/rejected/{letter['id']}/retry")

    assert response.status_code == 422
    assert response.json()["rejected"][0]["errors"] == letter["errors"]
    assert home.get("/v1/streams/rentals/rejected")["rejected"] == [letter]


@pytest.mark.parametrize("path", ["rentals/rejected/99", "rentals/rejected/x", "pings/rejected/1", "none/rejected/1"])
def test_a_retry_of_nothing_is_not_found(home: Home, path: str) -> None:
    home.client.post(EVENTS, json={})

    assert home.client.post(f"/v1/streams/{path}/retry").status_code == 404


def test_rejected_events_come_in_pages(home: Home) -> None:
    home.client.post(EVENTS, json=[{"n": n} for n in range(5)])

    first = home.get("/v1/streams/rentals/rejected", limit=3)
    second = home.get("/v1/streams/rentals/rejected", limit=3, after=first["next"])

    assert [orjson.loads(letter["body"])["n"] for letter in first["rejected"] + second["rejected"]] == [0, 1, 2, 3, 4]
    assert second["next"] is None


def test_retries_at_once_append_once(home: Home, make_home: Callable[..., Home]) -> None:
    home.client.post("/v1/streams/pings/events", json={"host": "h"})
    letters = home.service.dead_letters
    fixed = letters.add("pings", [(b'{"host": "h", "number": 1}', [{"field": "", "message": "?"}])])[0]
    assert threading.active_count() < 100

    answers = home.client.all(*[("POST", f"/v1/streams/pings/rejected/{fixed}/retry", {})] * 5)

    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409]
