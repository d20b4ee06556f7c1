"""An example of a stream, and the order in which examples and labels are met."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

Features = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Example:
    """One event with the features that were frozen when it was folded.

    Attributes
    ----------
    time, known
        When it happened, and when its label is known, in seconds since 1970.
    """

    time: float
    known: float
    features: Features
    label: Any


def replay(times: Sequence[float], known: Sequence[float]) -> Iterator[tuple[bool, int]]:
    """(is it a label, which example): every example at its time, every label as soon as it is known.

    A label that is known at once comes directly after its example; later ones before the first example that is not
    earlier than they are.

    >>> list(replay([0, 1, 2], [0, 2, 2]))
    [(False, 0), (True, 0), (False, 1), (True, 1), (False, 2), (True, 2)]
    """
    waiting: list[tuple[float, int]] = []
    for number, time in enumerate(times):
        while waiting and waiting[0][0] <= time:
            yield True, heapq.heappop(waiting)[1]
        yield False, number
        if known[number] <= time:
            yield True, number
        else:
            heapq.heappush(waiting, (known[number], number))
    while waiting:
        yield True, heapq.heappop(waiting)[1]
