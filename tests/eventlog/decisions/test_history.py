"""The decisions of a log so far: hot or archived, without the events between them."""

from __future__ import annotations

from anabranch import Cut
from eventlog.decisions import BatchStarted, Publication, UnknownDecision, decisions, placed_publications, publications
from eventlog.log.memory_log import MemoryLog
from tests.contracts.log import numbered

FIRST = Publication(1, Cut((3,)), "aa", "r1")
SECOND = Publication(2, Cut((8,)), "bb", "r2", {"m": 2})


def make_log() -> MemoryLog:
    """Three events, generation 1, three events, generation 2."""
    log = MemoryLog()
    log.append(numbered(3))
    log.mark(BatchStarted("r1").event())
    log.mark(FIRST.event())
    log.append(numbered(3, first=3))
    log.mark({"kind": "person_erased"})
    log.mark(SECOND.event())
    return log


def test_decisions_come_in_the_order_of_the_log() -> None:
    found = list(decisions(make_log()))
    assert found == [BatchStarted("r1"), FIRST, UnknownDecision("person_erased", {"kind": "person_erased"}), SECOND]


def test_publications_come_the_newest_first_and_only_up_to_a_cut() -> None:
    log = make_log()
    assert publications(log) == [SECOND, FIRST]
    assert publications(log, Cut((9,))) == [FIRST]
    assert publications(log, Cut((4,))) == []


def test_publications_are_known_with_the_offsets_of_their_records() -> None:
    assert placed_publications(make_log()) == [(9, SECOND), (4, FIRST)]
    assert placed_publications(make_log(), Cut((9,))) == [(4, FIRST)]
