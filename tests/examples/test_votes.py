from __future__ import annotations

import json

import pytest

from infra.demo.shows import SHOWS
from tests.examples.conftest import Example


def test_votes_stand_in_the_order_of_roll_calls(votes: Example) -> None:
    rows = [json.loads(row) for row in votes.rows()]
    assert len(rows) == len({row["vote_id"] for row in rows}) == 42_536
    assert len({row["country"] for row in rows}) == 17
    times = [row["cast_at"] for row in rows]
    assert times == sorted(times)


def test_features_tell_how_the_roll_call_stands_just_before_a_vote(votes: Example) -> None:
    count = 4_000
    rows = [json.loads(row) for row in votes.rows()[:count]]
    frozen = votes.frozen("yes", SHOWS["votes"].requests(votes.rows()[:count]))
    so_far: dict[int, dict[str, bool]] = {}
    for row, features in zip(rows, frozen, strict=True):
        cast = so_far.setdefault(row["roll_call"], {})
        assert isinstance(features, dict)
        assert features["votes_so_far"] == len(cast)
        assert features["yes_so_far"] == (pytest.approx(sum(cast.values()) / len(cast)) if cast else None)
        assert features["moscow"] == cast.get("Russia")
        assert features["washington"] == cast.get("United States")
        assert "yes" not in features
        cast[row["country"]] = row["yes"]


def test_warsaw_turns_away_from_moscow(votes: Example) -> None:
    """The drift that the example is about, by plain SQL."""
    agreed = dict(
        votes.sql(
            """
            SELECT year(one.cast_at::TIMESTAMP) < 1990, avg((one.yes = other.yes)::INTEGER)
            FROM data one JOIN data other USING (roll_call)
            WHERE one.country = 'Poland' AND other.country = 'Cuba' GROUP BY 1
            """
        )
    )
    assert agreed[True] > 0.85
    assert agreed[False] < 0.7
