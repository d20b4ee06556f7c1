"""Who is champion: the fold of decisions."""

from __future__ import annotations

from anabranch import Cut
from eventlog.decisions import (
    BatchStarted,
    Champions,
    ModelPromoted,
    ModelRolledBack,
    Publication,
    UnknownDecision,
    champions_by_model,
)
from eventlog.decisions.champions import CHAMPIONS_KEPT, champions_after


def published(generation: int, **promoted: int) -> Publication:
    return Publication(generation, Cut((generation,)), "", f"r{generation}", promoted)


def test_publications_promotions_and_rollbacks_follow_each_other() -> None:
    found = champions_by_model(
        [
            published(1, m=1, n=1),
            published(2),
            published(3, m=3),
            ModelPromoted("m", 2, previous=3),
            ModelRolledBack("m", 3, previous=2),
            ModelRolledBack("m", 1, previous=3),
        ]
    )
    assert found == {"m": Champions((1,)), "n": Champions((1,))}


def test_a_rollback_beyond_the_one_before_is_a_promotion_that_can_be_taken_back() -> None:
    champions = Champions((1, 2, 3)).roll_back(1)
    assert champions == Champions((1, 2, 3, 1))
    assert champions.earlier == 3


def test_a_champion_that_is_promoted_again_stays_it_once() -> None:
    assert Champions((1, 2)).promote(2) == Champions((1, 2))
    assert Champions((1, 2)).roll_back(2) == Champions((1, 2))


def test_decisions_that_concern_nobody_s_place_change_nothing() -> None:
    known = {"m": Champions((1,))}
    for decision in (BatchStarted("r"), published(2), UnknownDecision("model_blessed", {"model": "m", "version": 9})):
        assert champions_after(known, decision) is known


def test_the_line_of_champions_does_not_grow_for_ever() -> None:
    champions = champions_by_model(published(n, m=n) for n in range(1, 200))["m"]
    assert (champions.present, champions.earlier, len(champions.versions)) == (199, 198, CHAMPIONS_KEPT)


def test_a_version_is_champion_retired_or_rejected() -> None:
    champions = Champions((1, 3))
    statuses = {version: champions.status(version, promoted=False) for version in (1, 2, 3)}
    assert statuses == {1: "retired", 2: "rejected", 3: "champion"}
    assert champions.status(2, promoted=True) == "retired"
