"""Views as a features function looks them up: as they stand just before its event, in every layer the same.

A features function asks ``views.usage(station="Market", last="24h").minutes``. A lookup only reads: the tiles of all
layers, and what the stretch of events at hand adds to the newest of them before the event (see `stretch`). What it
remembers between events are windows (see `window`); it would answer the same without.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from anabranch.contributions import Cells, Key, Tiles, key_text
from anabranch.duration import duration_us
from anabranch.errors import LayerUnreadableError, ViewLookupError
from anabranch.features.stretch import Stretch, TouchedTiles
from anabranch.features.window import BEFORE_ALL, Bounds, Window, window_class
from anabranch.view import View

BaseTiles = Callable[[View, Key, int | None], dict[int, Cells]]
"""The tiles of a key that an earlier, finished layer holds: at least those that start at the given time or later.

It is called during the fold, at most once a key as long as the layers stay; what it returns is not changed. It may read
files, and raise what reading them raises: the stretch at hand is then not folded, whatever the features function makes
of that.
"""
REMEMBERED_KEYS = 100_000
"""Keys of a view of which tiles and windows are remembered at most."""


class Views:
    """What `views` is in a features function: every view of the application is an attribute, ready to be asked."""

    def __init__(self, by_name: Mapping[str, ViewLookup]):
        vars(self).update(by_name)

    def __getattr__(self, name: str) -> ViewLookup:
        known = ", ".join(vars(self)) or "none"
        raise ViewLookupError(f"there is no view {name!r}; the application has: {known}")


class Lookups:
    """Where features functions look views up, and the event for which they do.

    Parameters
    ----------
    views
        The views of the application by name.
    base
        The layer below `layers`; None: there is nothing below.
    layers
        Tiles by name of view, oldest layer first. Only the newest changes, by stretches that were read before; whoever
        changes them otherwise calls `use_layers`.
    watermarks
        The newest event time by stream, in microseconds; kept up to date by the caller.

    Attributes
    ----------
    views
        What a features function gets.
    now, index
        The time of the event at hand, in microseconds: the end of ``last``; and its number in the stretch. Outside a
        stretch the caller sets the time.
    """

    def __init__(
        self,
        views: Mapping[str, View],
        base: BaseTiles | None,
        layers: Sequence[Mapping[str, Tiles]],
        watermarks: Mapping[str, int],
    ):
        self.now = 0
        self.index = 0
        self.base = base
        self.layers = layers
        self._watermarks = watermarks
        self._unreadable: Exception | None = None
        self._stretch: Stretch | None = None
        self._stretch_clocks: Sequence[int | None] = ()
        self._by_name = {name: ViewLookup(view, self) for name, view in views.items()}
        self.views = Views(self._by_name)

    @contextmanager
    def reading(self, stretch: Stretch) -> Iterator[None]:
        """Look at the newest layer as it stands before the events of a stretch; `stand_before` says which.

        The layer itself stays as it is. Afterwards it may take the stretch in, before anybody looks again.
        """
        self._stretch = stretch
        self._stretch_clocks = stretch.clocks()
        for name, touched in stretch.touched.items():
            self._by_name[name].begin(touched)
        try:
            yield
        except BaseException:
            self.use_layers(self.base, self.layers)  # the newest layer will not take the stretch in
            raise
        finally:
            self._stretch = None
            for name in stretch.touched:
                self._by_name[name].end()

    def stand_before(self, index: int) -> None:
        """Stand before an event of the stretch: lookups see what the events before it add, and its time is now."""
        assert self._stretch is not None
        self.now = self._stretch.events.times[index]
        self.index = index

    def use_layers(self, base: BaseTiles | None, layers: Sequence[Mapping[str, Tiles]]) -> None:
        """Look at other layers from now on, or at these anew because tiles went."""
        self.base = base
        self.layers = layers
        for lookup in self._by_name.values():
            lookup.forget_all()

    def tiles_below(self, base: BaseTiles, view: View, key: Key, first: int | None) -> dict[int, Cells]:
        """What the layer below holds; that it cannot be read is remembered, for `check`."""
        try:
            return base(view, key, first)
        except Exception as error:
            self._unreadable = error
            raise

    def check(self) -> None:
        """Raise `LayerUnreadableError` if a lookup since the last time could not read the layer below.

        A features function may have caught what it met, or failed by it. Taken for a fault of its event, that would
        make a fold differ from another one that could read.
        """
        unreadable, self._unreadable = self._unreadable, None
        if unreadable is not None:
            raise LayerUnreadableError(unreadable) from unreadable

    def clock(self, stream: str) -> int | None:
        """The newest event time of a stream before the event at hand, in microseconds; None: there is none."""
        stretch = self._stretch
        if stretch is not None and stretch.events.stream.name == stream:
            return self._stretch_clocks[self.index]
        return self._watermarks.get(stream)


class ViewLookup:
    """A view, ready to be asked: ``views.usage(station="Market", last="24h")``."""

    def __init__(self, view: View, lookups: Lookups):
        self._view = view
        self._lookups = lookups
        self._name, self._stream, self._keeps = view.name, view.of.name, view.keep_us is not None
        self._window_class = window_class(view)
        self._windows: dict[Key, dict[str | None, Window]] = {}
        self._latest_open = BEFORE_ALL  # no window of `_windows` has an open tile that starts later
        self._bases: dict[Key, tuple[int | None, dict[int, Cells]]] = {}
        self._lasts: dict[str | None, int | None] = {None: None}
        self._touched: TouchedTiles | None = None
        self._only = view.key_fields[0] if len(view.key_fields) == 1 else None
        self._converts = [
            key_text if callable(view.by) else view.of.fields[name].convert for name in view.key_fields
        ]  # as `contributions_of` does it
        self._convert = self._converts[0] if self._converts else None

    def __call__(self, /, *, last: str | None = None, **keys: Any) -> Window:
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
        by_last = self._windows.get(key)
        window = None if by_last is None else by_last.get(last)
        if window is not None:
            _, open_start, begins, ends, clock_ends = window._bounds
            if not begins <= lookups.now < ends or (self._keeps and not self._clock_is_before(clock_ends)):
                window = None
        if window is None:
            window = self._open(key, last)
            open_start = window._bounds.open_start
        newest = window._newest
        if newest is None:  # the key may have come into the newest layer since
            newest = window._newest = lookups.layers[-1].get(self._name, _NO_TILES).get(key)
        window._open = None if newest is None else newest.get(open_start)
        touched = self._touched
        if touched is None:
            window._touched = None
            return window
        contributions = touched.contributions
        number = lookups.index if contributions.one_each else contributions.count_before(lookups.index)
        if touched.added != number:
            self._read_on(touched, number)
        of_key = window._touched = touched.tiles.get(key)
        if of_key is not None and open_start in of_key:
            window._open = of_key[open_start]
        return window

    def begin(self, touched: TouchedTiles) -> None:
        """Read a stretch, which touches these tiles of the newest layer."""
        self._touched = touched

    def end(self) -> None:
        """Read no stretch any more: the newest layer takes it in now, so windows must know all of it."""
        touched, self._touched = self._touched, None
        if touched is not None and self._windows:
            self._forget_closed(touched, len(touched.contributions))

    def _read_on(self, touched: TouchedTiles, number: int) -> None:
        """Have the touched tiles as they stand before contribution `number`, and no window that knows another state."""
        at = touched.added
        if number == at + 1 and touched.contributions.starts[at] >= self._latest_open:
            touched.add(
                at
            )  # nearly always: one event after the other, and no window has its tile among its closed ones
            return
        if number < at:
            self._windows = {}  # they know of later events
        elif self._windows:
            self._forget_closed(touched, number)
        touched.before(number)

    def _forget_closed(self, touched: TouchedTiles, number: int) -> None:
        """Have windows look closed tiles up again that contributions up to `number` are about to change."""
        windows, keys, starts = self._windows, touched.contributions.keys, touched.contributions.starts
        latest_open = self._latest_open
        for at in range(touched.added, number):
            start = starts[at]
            if start >= latest_open:
                continue  # most events: no window has the tile among its closed ones
            by_last = windows.get(keys[at])
            if by_last is not None:
                for window in by_last.values():
                    if start < window._bounds[1]:  # a late event: the open tile is looked up anyway
                        window._closed = None
                        window._merged = {}

    def forget_all(self) -> None:
        """Forget everything that is remembered."""
        self._windows = {}
        self._bases = {}

    def _clock_is_before(self, clock_ends: int) -> bool:
        clock = self._lookups.clock(self._stream)
        return clock is not None and clock < clock_ends

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

    def _open(self, key: Key, last: str | None) -> Window:
        """The window of a key that ends at the event at hand."""
        lookups, view = self._lookups, self._view
        if view.tile_us is None and last is not None:
            raise ViewLookupError(f"view {self._name!r} has no tiles: last={last!r} cannot be told")
        try:
            last_us = self._lasts[last]
        except KeyError:
            last_us = self._lasts[last] = self._last_us(last)
        bounds = Bounds.of(view, last_us, lookups.now, lookups.clock(self._stream))
        window = self._window_class(bounds, view.tile_us, self._older_layers(key, bounds.first))
        if len(self._windows) >= REMEMBERED_KEYS:
            self._windows = {}
        self._windows.setdefault(key, {})[last] = window
        self._latest_open = max(self._latest_open, bounds.open_start)
        return window

    def _last_us(self, last: Any) -> int:
        try:
            return duration_us(last)
        except ValueError as error:
            raise ViewLookupError(f"view {self._view.name!r}: last={last!r} is no duration: {error}") from None

    def _older_layers(self, key: Key, first: int | None) -> list[Mapping[int, Cells]]:
        """The tiles of a key, by start, in every layer but the newest that has some, oldest layer first."""
        lookups = self._lookups
        parts: list[Mapping[int, Cells]] = []
        if lookups.base is not None:
            of_base = self._base_tiles(lookups.base, key, first)
            if of_base:
                parts.append(of_base)
        for tiles_by_view in lookups.layers[:-1]:
            of_key = tiles_by_view.get(self._name, _NO_TILES).get(key)
            if of_key is not None:
                parts.append(of_key)
        return parts

    def _base_tiles(self, base: BaseTiles, key: Key, first: int | None) -> dict[int, Cells]:
        """The tiles of a key in the base, read once."""
        known = self._bases.get(key)
        if known is not None:
            have, tiles = known
            if have is None or (first is not None and have <= first):
                return tiles
        if len(self._bases) >= REMEMBERED_KEYS:
            self._bases = {}
        tiles = self._lookups.tiles_below(base, self._view, key, first)
        self._bases[key] = (first, tiles)
        return tiles


_NO_TILES: Tiles = {}
