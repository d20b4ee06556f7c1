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


class Lookups:
    """What `views` is in a features function.

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
        self._base = base
        self._layers = layers
        self._watermarks = watermarks
        self._by_name = {name: ViewLookup(view, self) for name, view in views.items()}

    def __getattr__(self, name: str) -> ViewLookup:
        try:
            return self._by_name[name]
        except KeyError:
            known = ", ".join(self._by_name) or "none"
            raise ViewLookupError(f"there is no view {name!r}; the application has: {known}") from None

    def fold_pending(self) -> None:
        """Fold what is left of the pending contributions."""
        for name, contributions in self.pending.items():
            self._by_name[name].fold(contributions, len(contributions.keys))
        self.pending = {}

    def forget(self, base: Base | None, layers: Sequence[Mapping[str, Tiles]]) -> None:
        """Look at other layers from now on."""
        self._base = base
        self._layers = layers
        for lookup in self._by_name.values():
            lookup.forget()


class ViewLookup:
    """A view, ready to be asked: ``views.usage(station="Market", last="24h")``."""

    def __init__(self, view: View, lookups: Lookups):
        self._view = view
        self._lookups = lookups
        self._windows: dict[Key, dict[str | None, _Window]] = {}
        self._bases: dict[Key, tuple[int | None, dict[int, Cells]]] = {}
        self._spans: dict[str | None, int | None] = {None: None}
        self._slots = {name: (slot, aggregate) for slot, (name, aggregate) in enumerate(view.aggregates.items())}
        self._only = view.key_fields[0] if len(view.key_fields) == 1 else None
        self._converts = [
            key_text if callable(view.by) else view.of.fields[name].convert for name in view.key_fields
        ]  # as `View._keys` does it

    def __call__(self, *, last: str | None = None, **keys: Any) -> Standing:
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
        only = self._only
        if only is not None and len(keys) == 1 and only in keys:
            value = keys[only]
            convert = self._converts[0]
            key: Key = (value if convert is None or value is None else convert(value),)
        else:
            key = self._key(keys)
        lookups = self._lookups
        pending = lookups.pending.get(self._view.name)
        if pending is not None:
            self.fold(pending, pending.before(lookups.index))
        window = self._window(key, last)
        return Standing(self._slots, window, self._parts(key, window.first))

    def fold(self, contributions: Contributions, stop: int) -> None:
        """Fold pending contributions up to number `stop`, and forget the merges that they change."""
        start = contributions.folded
        if start >= stop:
            return
        contributions.fold(stop)
        windows = self._windows
        if not windows:
            return
        keys, starts = contributions.keys, contributions.starts
        for at in range(start, stop):
            of_key = windows.get(keys[at])
            if of_key is not None:
                tile = starts[at]
                for window in of_key.values():
                    if tile < window.newest:
                        window.closed = {}

    def forget(self) -> None:
        """Forget everything that is remembered."""
        self._windows = {}
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

    def _window(self, key: Key, last: str | None) -> _Window:
        """The window that ends at the event at hand."""
        view, lookups = self._view, self._lookups
        first: int | None
        width = view.tile_us
        if width is None:
            if last is not None:
                raise ViewLookupError(f"view {view.name!r} has no tiles: last={last!r} cannot be told")
            first, newest = None, 0
        else:
            now = lookups.now
            newest = now - now % width
            first = self._first(last, now, width)
        of_key = self._windows.get(key)
        if of_key is None:
            if len(self._windows) >= REMEMBERED_KEYS:
                self._windows = {}
            of_key = self._windows[key] = {}
        window = of_key.get(last)
        if window is None or window.newest != newest or window.first != first:
            window = of_key[last] = _Window(first, newest, width)
        return window

    def _first(self, last: str | None, now: int, width: int) -> int | None:
        """The first tile that a window reaches and that is still kept."""
        try:
            span = self._spans[last]
        except KeyError:
            span = self._spans[last] = self._span(last)
        first = None
        if span is not None:
            first = now + 1 - span
            first -= first % width
        view = self._view
        if view.keep_us is not None:
            watermark = self._lookups._watermarks.get(view.of.name)
            if watermark is not None:
                hidden = watermark - view.keep_us - width  # as in the answer of a query
                kept = hidden - hidden % width + width
                first = kept if first is None or first < kept else first
        return first

    def _span(self, last: Any) -> int:
        try:
            return duration_us(last)
        except (ValueError, TypeError) as error:
            raise ViewLookupError(f"view {self._view.name!r}: last={last!r} is no duration: {error}") from None

    def _parts(self, key: Key, first: int | None) -> list[Mapping[int, Cells]]:
        """The tiles of a key, by start, in every layer that has some, oldest layer first."""
        lookups, name = self._lookups, self._view.name
        parts: list[Mapping[int, Cells]] = []
        if lookups._base is not None:
            of_base = self._base_tiles(lookups._base, key, first)
            if of_base:
                parts.append(of_base)
        for tiles_by_view in lookups._layers:
            tiles = tiles_by_view.get(name)
            if tiles is not None:
                of_key = tiles.get(key)
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


class _Window:
    """Tiles ``first`` .. ``newest`` of one key, both included; `closed` has all but the newest merged, by slot."""

    __slots__ = ("closed", "first", "newest", "width")

    def __init__(self, first: int | None, newest: int, width: int | None):
        self.first = first
        self.newest = newest
        self.width = width
        self.closed: dict[int, State] = {}

    def closed_starts(self, parts: Sequence[Mapping[int, Cells]]) -> Sequence[int]:
        """The starts of the tiles before the newest, ascending."""
        first, newest, width = self.first, self.newest, self.width
        if width is None:
            return ()
        if first is not None and (newest - first) // width <= sum(map(len, parts)):
            return range(first, newest, width)
        starts = set().union(*parts)
        return sorted(start for start in starts if start < newest and (first is None or start >= first))


class Standing:
    """One key of a view as it stands: its aggregates are attributes. Look at them before the function returns."""

    __slots__ = ("_parts", "_slots", "_window")

    def __init__(
        self, slots: Mapping[str, tuple[int, Aggregate]], window: _Window, parts: Sequence[Mapping[int, Cells]]
    ):
        self._slots = slots
        self._window = window
        self._parts = parts

    def __getattr__(self, name: str) -> Any:
        try:
            slot, aggregate = self._slots[name]
        except KeyError:
            raise ViewLookupError(f"the view has no aggregate {name!r}; it has: {', '.join(self._slots)}") from None
        window, parts = self._window, self._parts
        state = aggregate.zero()
        if parts:
            merge = aggregate.merge
            try:
                closed = window.closed[slot]
            except KeyError:
                closed = None
                for start in window.closed_starts(parts):
                    for part in parts:
                        if start in part:
                            closed = merge(aggregate.zero() if closed is None else closed, part[start][slot])
                window.closed[slot] = closed
            if closed is not None:
                state = merge(state, closed)
            newest = window.newest
            for part in parts:
                if newest in part:
                    state = merge(state, part[newest][slot])
        return aggregate.present(state)
