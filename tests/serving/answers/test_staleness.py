"""What every answer says of its freshness is what it was made of, not what there is by now."""

from __future__ import annotations

from anabranch import Cut
from eventlog.decisions import Publication
from serving.answers.staleness import staleness, staleness_now
from tests.serving.conftest import Home, publish, rental


def test_without_a_generation_the_batch_part_covers_nothing(home: Home) -> None:
    told = staleness(home.service, None, Cut((7,)))
    assert (told["generation"], told["batch_cut"], told["speed_cut"]) == (None, "0:0", "0:7")
    assert told["lag_seconds"] >= 0


def test_an_answer_tells_its_own_generation_and_cut_and_not_those_of_this_moment(home: Home) -> None:
    home.post(rental(1), rental(2))
    publish(home)
    home.consumer.reader.when_past(home.service.log.end()).result(20)
    old = Publication(3, Cut((5,)), "", "r", {})
    assert staleness(home.service, old, Cut((6,)))["generation"] == 3
    assert staleness(home.service, old, Cut((6,)))["batch_cut"] == "0:5"
    now = staleness_now(home.service)
    assert (now["generation"], now["batch_cut"], now["speed_cut"]) == (1, "0:2", str(home.service.log.end()))
