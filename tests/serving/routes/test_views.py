"""``/v1/views``: merged answers over HTTP."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from anabranch.instant import iso
from tests.serving.conftest import Home, newest, place, publish, rental

HOUR = 3_600_000_000
START = 1_698_796_800_000_000  # 2023-11-01T00:00:00Z


def test_a_client_reads_its_own_writes(home: Home) -> None:
    position = home.post(rental(1, minutes=10), rental(2, minutes=20), rental(3, "b", "2023-11-01T11:00:00Z"))

    assert home.get("/v1/views/usage", after=position, station="a") == {
        "view": "usage",
        "rows": [{"station": "a", "tile": "2023-11-01T10:00:00Z", "rentals": 2, "minutes": 15.0}],
        "generation": None,
        "batch_cut": "0:0",
        "speed_cut": position,
        "lag_seconds": 0.0,
    }


def test_every_layer_answers_its_part_and_the_merge_is_their_sum(home: Home) -> None:
    home.post(rental(1, minutes=10), rental(2, minutes=20))
    publish(home)
    home.post(rental(3, minutes=60), rental(4, "b"))

    batch, speed = home.rows("usage", layer="batch"), home.rows("usage", layer="speed")

    assert [(row["station"], row["rentals"], row["minutes"]) for row in batch] == [("a", 2, 15.0)]
    assert [(row["station"], row["rentals"], row["minutes"]) for row in speed] == [("a", 1, 60.0), ("b", 1, 10.0)]
    assert [(row["station"], row["rentals"], row["minutes"]) for row in home.rows("usage")] == [
        ("a", 3, 30.0),
        ("b", 1, 10.0),
    ]
    answer = home.get("/v1/views/usage", station="a")
    assert (answer["generation"], answer["batch_cut"]) == (1, "0:2")
    assert answer["rows"] == [{"station": "a", "tile": "2023-11-01T10:00:00Z", "rentals": 3, "minutes": 30.0}]


def test_answers_do_not_change_while_generations_come_and_go(home: Home) -> None:
    chance = random.Random(7)
    expected: dict[tuple[str, str], list[float]] = {}
    number = 0
    for _ in range(6):
        events = []
        for _ in range(chance.randrange(30)):
            number += 1
            station, hour = chance.choice("abc"), chance.randrange(48)
            minutes = float(chance.randrange(100))
            events.append(rental(number, station, iso(START + hour * HOUR + chance.randrange(HOUR)), minutes=minutes))
            expected.setdefault((station, iso(START + hour * HOUR)), []).append(minutes)
        if events:
            home.post(*events)
        if chance.random() < 0.5:
            publish(home)

        told = {(row["station"], row["tile"]): (row["rentals"], row["minutes"]) for row in home.rows("usage")}

        assert told == {place: (len(m), pytest.approx(sum(m) / len(m))) for place, m in expected.items()}


def test_pages_join_to_the_whole(home: Home) -> None:
    home.post(*(rental(n, station=f"s{n % 7}", rider=f"r{n % 3}") for n in range(60)))
    publish(home)
    home.post(*(rental(n, station=f"s{n % 5}", rider=None if n % 2 else "r9") for n in range(60, 100)))
    whole = home.rows("riders")
    assert whole[0] == {"station": "s0", "rider": None, "tile": None, "rentals": 4}

    pages: list[dict[str, object]] = []
    more: dict[str, Any] = {}
    while True:
        answer = home.get("/v1/views/riders", limit=4, **more)
        pages += answer["rows"]
        if "next" not in answer:
            break
        assert len(answer["rows"]) == 4
        more = {"next": answer["next"]}

    assert pages == whole


def test_some_key_fields_choose_many_keys(home: Home) -> None:
    home.post(rental(1, "a", rider="x"), rental(2, "b", rider="x"), rental(3, "b", rider="y"))

    assert [row["station"] for row in home.rows("riders", rider="x")] == ["a", "b"]
    assert [row["rider"] for row in home.rows("riders", station="b")] == ["x", "y"]
    assert home.rows("riders", station="nowhere") == []


def test_a_range_takes_every_tile_that_it_overlaps(home: Home) -> None:
    home.post(*(rental(n, started=f"2023-11-01T{n:02}:30:00Z") for n in range(5)))

    def hours(**query: str) -> list[int]:
        return [int(row["tile"][11:13]) for row in home.rows("usage", station="a", **query)]

    assert hours(start="2023-11-01T01:59:59Z", end="2023-11-01T03:00:00Z") == [1, 2]
    assert hours(end="2023-11-01T00:00:01Z") == [0]
    assert hours(start="2023-11-01T04:59:00Z") == [4]
    assert hours(last="1h") == [3, 4]
    assert hours(last="30m") == [4]
    assert hours(last="1h", end="2023-11-01T02:00:00Z") == [1]
    assert hours(last="999999999w") == [0, 1, 2, 3, 4]
    assert hours(start="2023-11-01T02:00:00Z", end="2023-11-01T02:00:00Z") == []


def test_total_merges_the_tiles_of_each_key(home: Home) -> None:
    home.post(rental(1, minutes=10), rental(2, started="2023-11-01T12:00:00Z", minutes=40), rental(3, "b"))
    publish(home)
    home.post(rental(4, started="2023-11-01T12:00:00Z", minutes=10))

    assert home.rows("usage", group="total") == [
        {"station": "a", "tile": None, "rentals": 3, "minutes": 20.0},
        {"station": "b", "tile": None, "rentals": 1, "minutes": 10.0},
    ]
    assert home.rows("usage", group="total", station="a", last="1h")[0]["rentals"] == 2


def test_what_lies_behind_keep_is_hidden_wherever_it_is(home: Home) -> None:
    home.post(rental(1, started="2023-06-01T00:00:00Z"))
    publish(home)
    assert len(home.rows("usage")) == 1, "the newest event is the clock"

    home.post(rental(2, started="2023-06-02T00:00:00Z"), rental(3, "b", "2023-11-01T00:00:00Z"))

    assert [row["station"] for row in home.rows("usage")] == ["b"]
    assert home.rows("usage", layer="batch") == []
    assert home.rows("usage", station="a") == []


def test_a_sum_of_more_than_64_bits_is_told_in_full(home: Home) -> None:
    home.post({"host": "h", "number": 2**63 - 1}, {"host": "h", "number": 2**63 - 1}, stream="pings")

    assert home.rows("hosts", key="h") == [{"key": "h", "tile": None, "pings": 2, "total": 2**64 - 2}]


def test_waiting_ends_with_a_problem_that_says_how_far_the_fold_is(home: Home) -> None:
    position = home.post(rental(1))
    home.get("/v1/views/usage", after=position)

    problem = home.get("/v1/views/usage", 504, after="0:999", timeout_ms=10)

    assert (problem["after"], problem["speed_cut"]) == ("0:999", position)
    assert "0.01 s" in problem["detail"]


def test_a_position_in_partitions_that_are_not_there_is_refused_at_once(home: Home) -> None:
    assert home.get("/v1/views/usage", 422, after="0:1,1:5")["parameter"] == "after"


def test_an_unknown_view_is_answered_with_the_known_ones(home: Home) -> None:
    problem = home.get("/v1/views/usages", 404)

    assert problem["known"] == ["hosts", "riders", "usage"]
    assert "usage" in problem["detail"]


def test_a_wrong_parameter_is_a_problem_that_names_it(home: Home) -> None:
    problem = home.get("/v1/views/usage", 422, statoin="a")

    assert problem["parameter"] == "statoin"
    assert "station, start" in problem["detail"]


def test_a_broken_generation_is_not_served(make_home: Callable[..., Home]) -> None:
    home = make_home()
    home.post(rental(1))
    publish(home)
    home.rows("usage")
    index = place(home, newest(home).manifest["views"]["usage"]["layers"][0]["index"])
    home.service.generations.close()
    index.write_bytes(b"")

    assert (
        "the index of view 'usage' of generation 1 is damaged"
        in home.get("/v1/views/usage", 503, station="a")["detail"]
    )


def test_the_views_are_listed(home: Home) -> None:
    views = {view["view"]: view for view in home.get("/v1/views")["views"]}

    assert views["usage"] == {
        "view": "usage",
        "stream": "rentals",
        "key_fields": ["station"],
        "tile_seconds": 3600.0,
        "keep_seconds": 7_776_000.0,
        "aggregates": {
            "rentals": {"aggregate": "count", "field": None, "type": "BIGINT", "error": None},
            "minutes": {"aggregate": "mean", "field": "minutes", "type": "DOUBLE", "error": None},
        },
    }
    assert views["hosts"]["key_fields"] == ["key"]
