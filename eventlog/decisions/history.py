"""The decisions of a log so far: one way to read them, hot or archived, without the events between them."""

from __future__ import annotations

from collections.abc import Iterator

from anabranch import Cut
from eventlog.decisions.batch_decisions import Publication
from eventlog.decisions.decision import Decision, decisions_of
from eventlog.log import Log


def decisions(log: Log, stop: Cut | None = None) -> Iterator[Decision]:
    """Every decision before `stop`, in the order of the log; None: up to its end.

    Raises
    ------
    CorruptLogError
        If one is not what was written.
    RecordsTrimmedError
        If some are neither hot nor in the lake.
    """
    for segment in log.read_system(stop):
        for _, decision in decisions_of(segment):
            yield decision


def publications(log: Log, stop: Cut | None = None) -> list[Publication]:
    """Every generation that was published before `stop`, the newest first; raises as `decisions` does.

    A generation whose number was used before (its files had been lost) stands there twice, the valid one first.
    """
    return [publication for _, publication in placed_publications(log, stop)]


def placed_publications(log: Log, stop: Cut | None = None) -> list[tuple[int, Publication]]:
    """As `publications`, each behind the offset of its record."""
    return [
        (record.offset, decision)
        for segment in log.read_system(stop)
        for record, decision in decisions_of(segment)
        if isinstance(decision, Publication)
    ][::-1]
