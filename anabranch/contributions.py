"""What events add to a view: made from the events alone, folded into tiles when it is time."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence, Set
from enum import Enum
from typing import TYPE_CHECKING, Any

from anabranch.agg.aggregate import Aggregate, State
from anabranch.events import Events, Order

if TYPE_CHECKING:
    from anabranch.view import View

Key = tuple[Any, ...]
"""One value per key field: str, int, bool or None."""
Cells = list[State]
"""The state of one tile: one state per aggregate, in the order of their definition."""
Tiles = dict[Key, dict[int, Cells]]
"""Cells by key, then by the start of the tile in microseconds (0 in a view without tiles)."""


class Contributions:
    """What consecutive events add to one view, in the order of the events. Nothing in it changes.

    A contribution is one value for each aggregate, for one tile: an event makes one, or with a function as ``by`` any
    number of them, or none if ``where`` says no.

    Attributes
    ----------
    view
        Whose tiles they are for.
    keys, starts
        Of each contribution, the key and the start of its tile in microseconds.
    failures
        How often a function of the user raised.
    one_each
        Whether every event makes one.
    adds
        By aggregate, its slot in the cells, its `add`, and the value of each contribution (None: none).
    orders
        The place of each in the total order; empty where no aggregate asks.
    """

    def __init__(
        self,
        view: View,
        keys: Sequence[Key],
        starts: Sequence[int],
        chosen: Sequence[int] | None,
        columns: Sequence[Sequence[Any]],
        orders: Sequence[Order],
        failures: int,
    ):
        """Made by `contributions_of`.

        Parameters
        ----------
        chosen
            Of each contribution, the index of its event, ascending; None: there is one of every event.
        columns
            By aggregate, the value of each contribution (None: none).
        """
        self.view = view
        self.keys = keys
        self.starts = starts
        self.failures = failures
        self.one_each = chosen is None
        self._chosen = chosen
        self._columns = columns
        self.orders = orders
        self.adds = [
            (slot, aggregate.add, values)
            for slot, (aggregate, values) in enumerate(zip(view.aggregates.values(), columns, strict=bool(columns)))
        ]

    def __len__(self) -> int:
        return len(self.keys)

    def count_before(self, index: int) -> int:
        """How many contributions come from the events before number `index`."""
        return index if self._chosen is None else bisect_left(self._chosen, index)

    def fold_into(self, tiles: Tiles) -> None:
        """Fold all of them, in their order; tiles that are not there yet are made."""
        if not self.keys:
            return
        cells: list[Cells] = []
        for key, start in zip(self.keys, self.starts, strict=True):
            try:
                cells.append(tiles[key][start])
            except KeyError:
                made = tiles.setdefault(key, {})[start] = self.view.zero()
                cells.append(made)
        # a column at a time, not an event at a time: the loops of the aggregates are the hottest there are
        for slot, (aggregate, values) in enumerate(zip(self.view.aggregates.values(), self._columns, strict=True)):
            aggregate.fold(slot, cells, values, self.orders)


def contributions_of(view: View, events: Events) -> Contributions:
    """What events of the view's stream add to it.

    An event on which `by` or the view's `where` raises is left out of the view; one on which the `where` of an
    aggregate does, out of this aggregate. `Contributions.failures` counts them.
    """
    keys, chosen, failures = _keys(view, events)
    times = events.times if chosen is None else [events.times[i] for i in chosen]
    width = view.tile_us
    starts = [0] * len(keys) if width is None else [time - time % width for time in times]
    orders: Sequence[Order] = []
    if keys and any(aggregate.ordered for aggregate in view.aggregates.values()):
        orders = events.orders if chosen is None else [events.orders[i] for i in chosen]
    columns = []
    for aggregate in view.aggregates.values() if keys else ():
        values, failed = _values(aggregate, events, chosen)
        failures += failed
        columns.append(values)
    return Contributions(view, keys, starts, chosen, columns, orders, failures)


def key_text(key: Any) -> str | None:
    """A key that a function returned, as views hold it."""
    if isinstance(key, Enum):
        key = key.value  # as a field of this type does
    return None if key is None else str(key)


def _keys(view: View, events: Events) -> tuple[list[Key], list[int] | None, int]:
    """The key of every contribution, the index of the event it comes from (None: all, once each), failures."""
    by = view.by
    field_keys = None
    if not callable(by):
        columns = [events.column(name) for name in view.key_fields]
        field_keys = list(zip(*columns, strict=True)) if columns else [()] * len(events)
        if view.where is None:
            return field_keys, None, 0
    keys: list[Key] = []
    chosen: list[int] = []
    failures = 0
    for index, event in enumerate(events.models):
        try:
            if view.where is not None and not view.where(event):
                continue
            found = _function_keys(by(event)) if callable(by) else [field_keys[index]]  # type: ignore[index]  # fields
        except Exception:  # a function of the user may raise anything; it harms this event in this view alone
            failures += 1
            continue
        keys += found
        chosen += [index] * len(found)
    return keys, chosen, failures


def _function_keys(found: Any) -> list[Key]:
    """The keys of what a `by` function returned: a key, or a list (or other collection) of keys."""
    if isinstance(found, (list, tuple, Set, Mapping, Iterator)):
        return [(key_text(key),) for key in found]
    return [(key_text(found),)]


def _values(aggregate: Aggregate, events: Events, chosen: list[int] | None) -> tuple[Sequence[Any], int]:
    """One value per contribution (None where there is none or `where` says no), and how often `where` raised."""
    values: list[Any] = [1] * len(events) if aggregate.field is None else events.column(aggregate.field)
    failures = 0
    if aggregate.where is not None:
        models = events.models
        # not on events that the view leaves out: its own `where` may be what makes this one safe to ask
        for index in range(len(models)) if chosen is None else dict.fromkeys(chosen):
            try:
                if not aggregate.where(models[index]):
                    values[index] = None
            except Exception:  # as in `_keys`
                values[index] = None
                failures += 1
    return (values if chosen is None else [values[i] for i in chosen]), failures
