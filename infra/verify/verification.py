"""``anabranch verify``: what is served at this moment against what the raw log says."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from rich.table import Table

from anabranch import Cut, View
from anabranch.view import Key, key_order
from batch.errors import CorruptGenerationError
from eventlog.log.segment import Segment
from infra.composition import Process
from infra.progress_display import progress
from infra.terminal import console
from infra.verify.recount import Evidence, Recount
from infra.verify.reference_values import judge
from serving.answers.merged_answer import Row, tile_text
from serving.answers.selection import LIMIT_MOST, ViewQueries
from serving.answers.view_reading import ViewReader
from speed.consumer import Consumer
from speed.fold import apply
from speed.recovery import publications, recover
from speed.state import SpeedState

SHOWN_FAULTS = 5
_READ_RECORDS = 10_000


@dataclass(frozen=True, slots=True)
class Fault:
    """One answer that is not what the raw log says."""

    key: Key
    tile: int
    aggregate: str
    expected: Any
    found: Any


@dataclass(slots=True)
class Verdict:
    """What came out for one view.

    Attributes
    ----------
    view
        Which.
    keys, tiles
        How many were compared.
    difference
        The largest relative difference of any aggregate, sketches included.
    faults
        The first few answers that are wrong.
    wrong
        How many are wrong.
    """

    view: View
    keys: int = 0
    tiles: int = 0
    difference: float = 0.0
    faults: list[Fault] = field(default_factory=list)
    wrong: int = 0

    def blame(self, fault: Fault) -> None:
        """Count a wrong answer."""
        self.wrong += 1
        if len(self.faults) < SHOWN_FAULTS:
            self.faults.append(fault)


@dataclass(frozen=True, slots=True)
class Report:
    """What came out.

    Attributes
    ----------
    cut
        Everything before was compared.
    generation
        The one that answered for the batch part; None: there was none.
    verdicts
        One for each view.
    damaged
        Files of the newest generation that are not what was published, a sentence each.
    warnings
        What else could not be used; answers do not depend on it.
    """

    cut: Cut
    generation: int | None
    verdicts: list[Verdict]
    damaged: list[str]
    warnings: list[str]

    @property
    def right(self) -> bool:
        """Whether every answer agrees and nothing is damaged."""
        return not self.damaged and not any(verdict.wrong for verdict in self.verdicts)


def verify(process: Process) -> bool:
    """Compare, print the table, and return whether all is right."""
    report = compare(process)
    _print(report)
    return report.right


def compare(process: Process) -> Report:
    """Compare every answer at the present end of the log with the raw log up to there."""
    app, log = process.app, process.log
    damaged = _damaged(process)
    recovery = recover(app, log, process.checkpoints, process.adopt)
    state, end = recovery.state, log.end()
    state.learners = {}  # views are verified; learning again would only cost time
    with tempfile.TemporaryDirectory(prefix="anabranch-verify-") as folder, progress() as shown:
        shown.stage("fold", end.offsets[0] - state.cut.offsets[0])
        for segment in _segments(process, state.cut, end):
            apply(state, segment, app, process.adopt)
            shown.advance(segment.count)
        with closing(Recount(app, Path(folder))) as recount:
            shown.stage("recount", end.offsets[0])
            for segment in _segments(process, Cut(), end):
                recount.add(segment)
                shown.advance(segment.count)
            verdicts = []
            for view in app.views.values():
                shown.stage(view.name, recount.tiles(view))
                verdicts.append(_compare(view, recount.evidence(view), _served(process, state, view), shown.advance))
            shown.end()
    generation = None if state.publication is None else state.publication.generation
    warnings = [problem for problem in dict.fromkeys(recovery.problems + process.problems) if problem not in damaged]
    return Report(end, generation, verdicts, damaged, warnings)


def _damaged(process: Process) -> list[str]:
    """What is wrong with the newest generation, on which the answers of a service that starts now would rest."""
    newest = max(publications(process.log), key=lambda publication: publication.generation, default=None)
    if newest is not None:
        try:
            process.generation(newest)
        except CorruptGenerationError as error:
            return [str(error)]
    return []


def _segments(process: Process, cut: Cut, end: Cut) -> Iterator[Segment]:
    """The log from `cut` to `end`, hot or from the lake."""
    offset, stop = cut.offsets[0], end.offsets[0]
    while offset < stop:
        for segment in process.log.read(Cut((offset,)), _READ_RECORDS):
            if segment.offset >= stop:
                return
            yield segment.head(stop)
            offset = segment.end


def _served(process: Process, state: SpeedState, view: View) -> Iterator[Row]:
    """Every row that the merged view answers, page by page, by the very code that the service uses."""
    views = ViewReader(cast("Consumer", _Still(state)), process.generations)
    queries = ViewQueries(view)
    query = queries.read(f"limit={LIMIT_MOST}".encode())
    while True:
        reading = views.read(view, query)
        yield from reading.rows
        if reading.next is None:
            return
        query = queries.read(f"limit={LIMIT_MOST}&next={reading.next}".encode())


class _Still:
    """A consumer that stands still at one state."""

    def __init__(self, state: SpeedState):
        self._state = state
        self.publication = state.publication

    @contextmanager
    def reading(self) -> Iterator[SpeedState]:
        """The state."""
        yield self._state


def _compare(
    view: View, evidence: Iterator[Evidence], served: Iterator[Row], advance: Callable[[int], None]
) -> Verdict:
    """Walk both in their common order; a tile that only one of them has is wrong."""
    verdict = Verdict(view)
    theirs, mine = next(evidence, None), next(served, None)
    last: Key | None = None
    while theirs is not None or mine is not None:
        if mine is None or (theirs is not None and _place(theirs) < _place(mine)):
            assert theirs is not None
            verdict.blame(Fault(theirs[0], theirs[1], "(the tile)", "a tile", "none"))
            theirs = next(evidence, None)
            continue
        if theirs is None or _place(mine) < _place(theirs):
            verdict.blame(Fault(mine[0], mine[1], "(the tile)", "none", "a tile"))
            mine = next(served, None)
            continue
        verdict.tiles += 1
        advance(1)
        verdict.keys += theirs[0] != last
        last = theirs[0]
        _judge(view, theirs, mine, verdict)
        theirs, mine = next(evidence, None), next(served, None)
    return verdict


def _place(row: Row | Evidence) -> tuple[Any, int]:
    return key_order(row[0]), row[1]


def _judge(view: View, theirs: Evidence, mine: Row, verdict: Verdict) -> None:
    found = view.present(mine[2])
    for (name, aggregate), facts in zip(view.aggregates.items(), theirs[2], strict=True):
        judgement = judge(aggregate, facts, found[name])
        verdict.difference = max(verdict.difference, judgement.difference)
        if not judgement.right:
            verdict.blame(Fault(mine[0], mine[1], name, judgement.expected, found[name]))


# for people


def _print(report: Report) -> None:
    out = console()
    table = Table("view", "keys", "tiles", "largest difference", "verdict", box=None, pad_edge=False)
    for column in table.columns[1:4]:
        column.justify = "right"
    for verdict in report.verdicts:
        says = "[green]exact[/]" if not verdict.difference else "[green]within bounds[/]"
        table.add_row(
            verdict.view.name,
            f"{verdict.keys:,}",
            f"{verdict.tiles:,}",
            _difference_text(verdict.difference),
            f"[red]{verdict.wrong:,} wrong[/]" if verdict.wrong else says,
        )
    generation = "no generation" if report.generation is None else f"generation {report.generation}"
    out.print(f"Recomputed from the raw log up to {report.cut}; served from {generation} and the fold behind it.")
    out.print(table)
    for verdict in report.verdicts:
        for fault in verdict.faults:
            key = dict(zip(verdict.view.key_fields, fault.key, strict=True))
            tile = "all time" if verdict.view.tile_us is None else tile_text(fault.tile)
            out.print(
                f"{verdict.view.name} {key} {tile} {fault.aggregate}:"
                f" expected {_short(fault.expected)}, found {_short(fault.found)}",
                style="red",
                markup=False,
                soft_wrap=True,
            )
        if verdict.wrong > len(verdict.faults):
            out.print(f"{verdict.view.name}: and {verdict.wrong - len(verdict.faults):,} more", style="red")
    for damage in report.damaged:
        out.print(damage, style="red", markup=False, soft_wrap=True)
    for warning in report.warnings:
        out.print(f"note: {warning}", style="yellow", markup=False, soft_wrap=True)


def _difference_text(difference: float) -> str:
    if difference == 0:
        return "0"
    return "—" if math.isinf(difference) else f"{difference:.1e}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:97]}..."
