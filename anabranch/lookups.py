"""Views as a features function sees them: as they stand just before its event, in every layer the same.

A features function asks ``views.usage(station="Market", last="24h").minutes``. What it gets is the merge of the tiles
of that key, in this order: by the start of the tile, then by layer, oldest layer first. The merge of all tiles but
the newest is remembered, because a window moves only once a tile; so a lookup costs a few merges, not one a tile.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from anabranch.agg.aggregate import Aggregate, State
from anabranch.contributions import Cells, Contributions, Key
from anabranch.duration import duration_us
from anabranch.errors import ViewLookupError
from anabranch.view import Tiles, View, key_text

Base = Callable[[View, Key, int | None], dict[int, Cells]]
"""The tiles of a key that an earlier, finished layer holds: at least those that start at the given time or later."""
REMEMBERED_KEYS = 100_000
"""Keys of a view of which tiles and merges are remembered at most."""


class Views:
    """What `views` is in a features function: every view of the application is an attribute, ready to be asked."""

    def __init__(self, by_name: Mapping[str, ViewLookup]):
        vars(self).update(by_name)

    def __getattr__(self, name: str) -> ViewLookup:
        known = ", ".join(vars(self)) or "none"
        raise ViewLookupError(f"there is no view {name!r}; the application has: {known}")


class Lookups:
    """Where features functions look views up, and what brings those up to the event at hand.

    Parameters
    ----------
    views
        The views of the application by name.
    base
        The layer below `layers`; None: there is nothing below.
    layers
        Tiles by name of view, oldest layer first. They change by way of `pending` contributions; whoever changes
        them otherwise calls `forget`.
    watermarks
        The newest event time by stream, in microseconds; kept up by the caller.

    Attributes
    ----------
    views
        What a features function gets.
    now
        The event time of the example at hand, in microseconds: the end of ``last``.
    index
        Its number in the run whose contributions are `pending`.
    pending
        Contributions by view that are not folded yet: those of the events before `index` are, before a lookup.
    """

    def __init__(
        self,
        views: Mapping[str, View],
        base: Base | None,
        layers: Sequence[Mapping[str, Tiles]],
        watermarks: Mapping[str, int],
    ):
        self.now = 0
        self.index = 0
        self.pending: dict[str, Contributions] = {}
        self.base = base
        self.layers = layers
        self.newest: Mapping[str, Tiles] = layers[-1]
        self.watermarks = watermarks
        self._by_name = {name: ViewLookup(view, self) for name, view in views.items()}
        self.views = Views(self._by_name)

    def fold_pending(self) -> None:
        """Fold what is left of the pending contributions."""
        for name, contributions in self.pending.items():
            if contributions.folded < len(contributions.keys):
                self._by_name[name].fold(contributions, len(contributions.keys))
        self.pending = {}

    def forget(self, base: Base | None, layers: Sequence[Mapping[str, Tiles]]) -> None:
        """Look at other layers from now on."""
        self.base = base
        self.layers = layers
        self.newest = layers[-1]
        for lookup in self._by_name.values():
            lookup.forget()


class ViewLookup:
    """A view, ready to be asked: ``views.usage(station="Market", last="24h")``."""

    def __init__(self, view: View, lookups: Lookups):
        self._view = view
        self._lookups = lookups
        self._name, self._stream = view.name, view.of.name
        self._standing = _standing_class(view)
        self._by_key: dict[Key, dict[str | None, Standing]] = {}
        self._bases: dict[Key, tuple[int | None, dict[int, Cells]]] = {}
        self._spans: dict[str | None, int | None] = {None: None}
        self._only = view.key_fields[0] if len(view.key_fields) == 1 else None
        self._converts = [
            key_text if callable(view.by) else view.of.fields[name].convert for name in view.key_fields
        ]  # as `View._keys` does it
        self._convert = self._converts[0] if self._converts else None

    def __call__(self, /, *, last: str | None = None, **keys: Any) -> Standing:
        """The view for one key.

        Parameters
        ----------
        last
            How far back from the event, like ``"24h"``; None: as far as the view is kept.
        keys
            A value for every key field.

        Raises
        ------
        ViewLookupError
            If a key field is missing or unknown, or `last` is no duration.
        """
        if len(keys) == 1 and self._only in keys:
            value = keys[self._only]
            convert = self._convert
            key: Key = (value if convert is None or value is None else convert(value),)
        else:
            key = self._key(keys)
        lookups = self._lookups
        pending = lookups.pending.get(self._name)
        if pending is not None:
            stop = lookups.index if pending.one_each else pending.before(lookups.index)
            if pending.folded < stop:
                self.fold(pending, stop)
        try:
            standing = self._by_key[key][last]
        except KeyError:
            standing = self._open(key, last)
        else:
            hides_at = standing._hides_at
            if not standing._begins <= lookups.now < standing._ends or (
                hides_at is not None and lookups.watermarks.get(self._stream, hides_at) >= hides_at
            ):
                standing = self._open(key, last)
        young = standing._young
        if young is None:
            tiles = lookups.newest.get(self._name)
            if tiles is not None:
                young = standing._young = tiles.get(key)
        standing._cells = None if young is None else young.get(standing._newest)
        return standing

    def fold(self, contributions: Contributions, stop: int) -> None:
        """Fold pending contributions up to number `stop`, and forget the merges that they change."""
        start = contributions.folded
        if stop - start == 1:
            contributions.fold_one()
        else:
            contributions.fold(stop)
        by_key = self._by_key
        if not by_key:
            return
        keys, starts = contributions.keys, contributions.starts
        for at in range(start, stop):
            of_key = by_key.get(keys[at])
            if of_key is not None:
                tile = starts[at]
                for standing in of_key.values():
                    if tile < standing._newest:
                        standing._fixed = {}
                        standing._before = None

    def forget(self) -> None:
        """Forget everything that is remembered."""
        self._by_key = {}
        self._bases = {}

    def _key(self, keys: dict[str, Any]) -> Key:
        fields = self._view.key_fields
        if keys.keys() != set(fields):
            raise ViewLookupError(
                f"view {self._view.name!r} is asked for by {', '.join(keys) or 'no key'};"
                f" its key is {', '.join(fields) or 'empty'}"
            )
        return tuple(
            value if convert is None or value is None else convert(value)
            for value, convert in ((keys[name], c) for name, c in zip(fields, self._converts, strict=True))
        )

    def _open(self, key: Key, last: str | None) -> Standing:
        """The standing of a key, with the window that ends at the event at hand."""
        standing = self._standing()
        width = self._view.tile_us
        if width is not None:
            self._set_window(standing, last, self._lookups.now, width)
        elif last is not None:
            raise ViewLookupError(f"view {self._name!r} has no tiles: last={last!r} cannot be told")
        standing._older = self._older(key, standing._first)
        if len(self._by_key) >= REMEMBERED_KEYS:
            self._by_key = {}
        self._by_key.setdefault(key, {})[last] = standing
        return standing

    def _set_window(self, standing: Standing, last: str | None, now: int, width: int) -> None:
        try:
            span = self._spans[last]
        except KeyError:
            span = self._spans[last] = self._span(last)
        newest = now - now % width
        begins, ends = newest, newest + width
        first = None
        if span is not None:
            first = now + 1 - span
            first -= first % width
            begins, ends = max(begins, first + span - 1), min(ends, first + width + span - 1)
        keep = self._view.keep_us
        if keep is not None:
            oldest = self._view.oldest_kept(self._lookups.watermarks.get(self._stream))
            if oldest is None:
                standing._hides_at = _BEFORE_ALL  # the first event of the stream may hide some: look again at once
            else:
                first = oldest if first is None or first < oldest else first
                standing._hides_at = first + keep + width  # from this clock on, `keep` hides the first tile too
        if first is not None and newest < first:
            newest = _BEFORE_ALL  # the event is so late that `keep` hides its own tile: there is none to show
        standing._first, standing._newest, standing._width = first, newest, width
        standing._begins, standing._ends = begins, ends

    def _span(self, last: Any) -> int:
        try:
            return duration_us(last)
        except ValueError as error:
            raise ViewLookupError(f"view {self._view.name!r}: last={last!r} is no duration: {error}") from None

    def _older(self, key: Key, first: int | None) -> list[Mapping[int, Cells]]:
        """The tiles of a key, by start, in every layer but the newest that has some, oldest layer first."""
        lookups = self._lookups
        parts: list[Mapping[int, Cells]] = []
        if lookups.base is not None:
            of_base = self._base_tiles(lookups.base, key, first)
            if of_base:
                parts.append(of_base)
        for tiles_by_view in lookups.layers[:-1]:
            of_key = tiles_by_view.get(self._name, {}).get(key)
            if of_key is not None:
                parts.append(of_key)
        return parts

    def _base_tiles(self, base: Base, key: Key, first: int | None) -> dict[int, Cells]:
        """The tiles of a key in the base, read once."""
        known = self._bases.get(key)
        if known is not None:
            have, tiles = known
            if have is None or (first is not None and have <= first):
                return tiles
        if len(self._bases) >= REMEMBERED_KEYS:
            self._bases = {}
        tiles = base(self._view, key, first)
        self._bases[key] = (first, tiles)
        return tiles


_BEFORE_ALL, _AFTER_ALL = -(2**63), 2**63


class Standing:
    """One key of a view as it stands: its aggregates are attributes. Look at them before the function returns.

    It is the merge of the tiles ``_first`` .. ``_newest``, both included, over all layers, and is used again for the
    next event as long as that has the same tiles.
    """

    __slots__ = (
        "_before",
        "_begins",
        "_cells",
        "_ends",
        "_first",
        "_fixed",
        "_hides_at",
        "_newest",
        "_older",
        "_width",
        "_young",
    )
    _aggregates: tuple[str, ...] = ()

    def __init__(self) -> None:
        self._first: int | None = None
        self._newest = 0
        self._width: int | None = None
        # it is that of every event with a time in [begins, ends), until the watermark reaches hides_at:
        # then `keep` hides its first tile
        self._begins = _BEFORE_ALL
        self._ends = _AFTER_ALL
        self._hides_at: int | None = None
        self._older: list[Mapping[int, Cells]] = []  # the tiles of the key in all layers but the newest
        self._young: Mapping[int, Cells] | None = None  # those in the newest
        self._cells: Cells | None = None  # the newest tile in the newest layer
        self._before: list[Cells] | None = None  # all tiles but that; None: not looked up yet
        self._fixed: dict[int, State | None] = {}  # by slot, these tiles merged; None: there are none

    def __getattr__(self, name: str) -> Any:
        raise ViewLookupError(f"the view has no aggregate {name!r}; it has: {', '.join(self._aggregates)}")

    def _fix(self, slot: int, aggregate: Aggregate) -> State | None:
        """Merge everything but `_cells`: first the tiles before the newest, ascending, then the newest."""
        before = self._before
        if before is None:
            before = self._before = self._tiles_before()
        state = None
        if before:
            merge, state = aggregate.merge, aggregate.zero()
            for cells in before:
                state = merge(state, cells[slot])
        self._fixed[slot] = state
        return state

    def _tiles_before(self) -> list[Cells]:
        """The tiles before the newest, ascending, each by layer; then the newest of all layers but the newest."""
        newest, found = self._newest, []
        parts = self._older if self._young is None else [*self._older, self._young]
        if self._width is not None:
            if len(parts) == 1:
                part = parts[0]
                found = [part[start] for start in self._closed(parts) if start in part]
            else:
                found = [part[start] for start in self._closed(parts) for part in parts if start in part]
        return found + [part[newest] for part in self._older if newest in part]

    def _closed(self, parts: Sequence[Mapping[int, Cells]]) -> Sequence[int]:
        """The starts of the tiles before the newest, ascending."""
        first, newest, width = self._first, self._newest, self._width
        assert width is not None
        if first is not None and (newest - first) // width <= sum(map(len, parts)):
            return range(first, newest, width)
        starts = set().union(*parts)
        return sorted(start for start in starts if start < newest and (first is None or start >= first))


def _standing_class(view: View) -> type[Standing]:
    """A class with a property for every aggregate of a view."""
    properties: dict[str, Any] = {
        name: property(_reader(slot, aggregate)) for slot, (name, aggregate) in enumerate(view.aggregates.items())
    }
    taken = {"__slots__": (), "_aggregates": tuple(view.aggregates)}
    return type(f"Standing_{view.name}", (Standing,), {**taken, **properties})


def _reader(slot: int, aggregate: Aggregate) -> Callable[[Standing], Any]:
    present, present_merged, zero = aggregate.present, aggregate.present_merged, aggregate.zero

    def read(standing: Standing) -> Any:
        cells = standing._cells
        try:
            fixed = standing._fixed[slot]
        except KeyError:
            fixed = standing._fix(slot, aggregate)
        if cells is None:
            return present(zero() if fixed is None else fixed)
        return present(cells[slot]) if fixed is None else present_merged(fixed, cells[slot])

    return read
