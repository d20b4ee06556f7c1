from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest

from infra.demo.shows import SHOWS
from tests.examples.conftest import Example


def test_there_are_four_months_of_rentals_in_the_order_in_which_bikes_came_back(bikes: Example) -> None:
    ((count, first, last, ids),) = bikes.sql(
        "SELECT count(*), min(started)::VARCHAR, max(started)::VARCHAR, count(DISTINCT rental_id) FROM data"
    )
    assert (count, ids) == (121_254, 121_254)
    assert (first[:10], last[:10]) == ("2014-05-01", "2014-08-31")
    ((backwards, late),) = bikes.sql(
        """
        WITH placed AS (
            SELECT started, started + to_milliseconds((minutes * 60_000)::BIGINT) AS ended,
                   row_number() OVER () AS place
            FROM data
        ), beside AS (
            SELECT started, ended, lag(started) OVER w AS started_before, lag(ended) OVER w AS ended_before
            FROM placed WINDOW w AS (ORDER BY place)
        )
        SELECT count(*) FILTER (WHERE ended < ended_before - INTERVAL 2 SECONDS),
               count(*) FILTER (WHERE started < started_before)
        FROM beside
        """
    )
    assert backwards == 0, "bikes come back in the order of the file, to the rounding of minutes"
    assert late > 10_000, "event times are out of order, as they are in life"


def test_usage_equals_a_query_on_the_file(bikes: Example) -> None:
    answers = bikes.answers(bikes.app.views["usage"])
    expected = bikes.sql(
        """
        SELECT station, strftime(date_trunc('hour', started), '%Y-%m-%dT%H:%M:%SZ'), count(*), avg(minutes),
               list_sort(list(minutes))[floor(0.9 * (count(*) - 1))::BIGINT + 1], count(DISTINCT rider)
        FROM data GROUP BY ALL
        """
    )
    assert len(answers) == len(expected)
    for station, tile, rentals, minutes, p90, riders in expected:
        answer = answers[(station, tile)]
        assert (answer["rentals"], answer["riders"]) == (rentals, riders)
        assert answer["minutes"] == pytest.approx(minutes, rel=1e-9)
        assert answer["p90"] == pytest.approx(p90, rel=0.0101)


def test_the_features_of_a_rental_are_those_of_the_rentals_that_came_back_before_it(bikes: Example) -> None:
    count = 4_000
    frozen = bikes.frozen("duration", SHOWS["bikes"].requests(bikes.rows()[:count]))
    rows = [json.loads(row) for row in bikes.rows()[:count]]
    for number in range(count - 50, count):
        row, features = rows[number], frozen[number]
        started = datetime.fromisoformat(row["started"])
        first = (started - timedelta(hours=24) + timedelta(microseconds=1)).replace(minute=0, second=0, microsecond=0)
        last = started.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        minutes = [
            other["minutes"]
            for other in rows[:number]
            if other["station"] == row["station"] and first <= datetime.fromisoformat(other["started"]) < last
        ]
        assert isinstance(features, dict)
        assert features["recent_rentals"] == len(minutes)
        assert features["recent_minutes"] == (pytest.approx(sum(minutes) / len(minutes)) if minutes else None)
        assert (features["hour"], features["weekday"]) == (f"{started.hour:02d}", f"{started:%a}")
        assert "minutes" not in features, "the label is none of the features"
