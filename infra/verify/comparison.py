"""The comparison of one view: what the raw log says against what is served, tile by tile.

It knows neither where the answers come from nor how they were made: both sides are rows in one order.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from anabranch import View
from anabranch.agg.judgement import Judgement
from anabranch.view import Key, key_order
from infra.verify.recount import Evidence

SHOWN_FAULTS = 5
Answer = tuple[Key, int, Mapping[str, Any]]
"""(key, start of the tile, answer by aggregate), as served."""


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


def compare(
    view: View, evidence: Iterator[Evidence], served: Iterator[Answer], advance: Callable[[int], None]
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


def _place(row: Answer | Evidence) -> tuple[Any, int]:
    return key_order(row[0]), row[1]


def _judge(view: View, theirs: Evidence, mine: Answer, verdict: Verdict) -> None:
    found = mine[2]
    for (name, aggregate), facts in zip(view.aggregates.items(), theirs[2], strict=True):
        try:
            judgement = aggregate.judge(facts, found[name])
        except Exception as error:  # one aggregate that cannot be judged, or whose answer is no answer, stops no other
            judgement = Judgement(False, math.inf, f"an answer that can be judged ({error!r})")
        verdict.difference = max(verdict.difference, judgement.difference)
        if not judgement.right:
            verdict.blame(Fault(mine[0], mine[1], name, judgement.expected, found[name]))
