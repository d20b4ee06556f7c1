"""Both sides are walked in their common order, and whatever one of them lacks or says otherwise is a fault."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

from anabranch import App, agg
from infra.verify.comparison import SHOWN_FAULTS, Answer, Verdict, compare
from infra.verify.recount import Evidence


class Item(BaseModel):
    shelf: str | None = None
    weight: int = 0


class odd(agg.sum):  # noqa: N801 — named as in the language
    """A sum whose reference cannot do with large numbers."""

    def reference(self, evidence: Sequence[Any] | None) -> int:
        if sum(evidence or ()) > 10:
            raise ValueError("more than I can count")
        return sum(evidence or ())


app = App("comparison")
items = app.stream("items", Item)
view = app.view("shelves", of=items, by="shelf", tile="1h", n=agg.count(), weight=odd("weight"))


def compared(evidence: list[Evidence], served: list[Answer]) -> Verdict:
    advanced: list[int] = []
    verdict = compare(view, iter(evidence), iter(served), advanced.append)
    assert sum(advanced) == verdict.tiles
    return verdict


def test_what_agrees_is_counted_by_keys_and_tiles() -> None:
    places: list[tuple[tuple[Any, ...], int]] = [((None,), 0), (("a",), 0), (("a",), 7), (("b",), 0)]
    verdict = compared([(*at, [1, [3]]) for at in places], [(*at, {"n": 1, "weight": 3}) for at in places])
    assert (verdict.keys, verdict.tiles, verdict.wrong, verdict.difference) == (3, 4, 0, 0.0)


def test_a_tile_that_only_one_side_has_is_a_fault_of_either() -> None:
    verdict = compared(
        [(("a",), 0, [1, [1]]), (("b",), 0, [1, [1]])],
        [(("a",), 0, {"n": 1, "weight": 1}), (("a",), 9, {"n": 1, "weight": 1})],
    )
    found = [(fault.key, fault.tile, fault.expected, fault.found) for fault in verdict.faults]
    assert found == [(("a",), 9, "none", "a tile"), (("b",), 0, "a tile", "none")]


def test_an_answer_that_differs_is_named_with_what_the_log_says() -> None:
    verdict = compared([(("a",), 0, [2, [1, 2]])], [(("a",), 0, {"n": 3, "weight": 3})])
    (fault,) = verdict.faults
    assert (fault.aggregate, fault.expected, fault.found, verdict.difference) == ("n", 2, 3, 0.5)


def test_an_aggregate_that_cannot_be_judged_is_a_fault_and_stops_no_other() -> None:
    verdict = compared(
        [(("a",), 0, [1, [11]]), (("b",), 0, [1, [2]])],
        [(("a",), 0, {"n": 1, "weight": 11}), (("b",), 0, {"n": 1, "weight": 2})],
    )
    (fault,) = verdict.faults
    assert (fault.key, fault.aggregate) == (("a",), "weight")
    assert "more than I can count" in fault.expected
    assert verdict.tiles == 2


def test_only_the_first_faults_are_kept_and_all_are_counted() -> None:
    verdict = compared([(("a",), tile, [1, [1]]) for tile in range(20)], [])
    assert (verdict.wrong, len(verdict.faults)) == (20, SHOWN_FAULTS)
