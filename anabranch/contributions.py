"""What a run of events adds to a view, computed for all of them and folded when it is time."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Any

from anabranch.agg.aggregate import Aggregate, State
from anabranch.events import Order

Key = tuple[Any, ...]
"""One value per key field: str, int, bool or None."""
Cells = list[State]
"""The state of one tile: one state per aggregate, in the order of their definition."""


class Contributions:
    """The contributions of a run of events to one view, in the order of the events. Made by `View.contributions`.

    Parameters
    ----------
    keys, starts
        Of each contribution, the key and the start of its tile.
    chosen
        The index of the event that each comes from, ascending; None: one from every event.
    cells
        The cells of its tile.
    columns
        By aggregate, the value of each contribution (None: none).
    orders
        The place of each in the total order; may be empty if no aggregate asks.
    failures
        How often a function of the user raised.

    Attributes
    ----------
    folded
        How many contributions are folded.
    one_each
        Whether every event contributes once.
    """

    def __init__(
        self,
        keys: Sequence[Key],
        starts: Sequence[int],
        chosen: Sequence[int] | None,
        cells: Sequence[Cells],
        columns: Sequence[tuple[Aggregate, Sequence[Any]]],
        orders: Sequence[Order],
        failures: int,
    ):
        self.keys = keys
        self.starts = starts
        self.failures = failures
        self.one_each = chosen is None
        self._chosen = chosen
        self._adds = [(slot, aggregate.add, values) for slot, (aggregate, values) in enumerate(columns)]
        self._cells = cells
        self._columns = columns
        self._orders = orders
        self.folded = 0

    def before(self, index: int) -> int:
        """How many contributions come from events before number `index` of the run."""
        return index if self._chosen is None else bisect_left(self._chosen, index)

    def fold(self, stop: int | None = None) -> None:
        """Fold the contributions before number `stop` that are not folded yet; None: all."""
        start = self.folded
        if stop is None:
            stop = len(self.keys)
        if start >= stop:
            return
        self.folded = stop
        whole = start == 0 and stop == len(self.keys)
        cells = self._cells if whole else self._cells[start:stop]
        orders = self._orders if whole else self._orders[start:stop]
        for slot, (aggregate, values) in enumerate(self._columns):
            aggregate.fold(slot, cells, values if whole else values[start:stop], orders)

    def fold_one(self) -> None:
        """Fold the next contribution, which there must be."""
        at = self.folded
        self.folded = at + 1
        cells = self._cells[at]
        order = self._orders[at] if self._orders else _NO_ORDER
        for slot, add, values in self._adds:
            value = values[at]
            if value is not None:
                cells[slot] = add(cells[slot], value, order)


_NO_ORDER: Order = (0, 0, 0)
