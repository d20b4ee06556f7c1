"""The keys of a view's epochs in order, so that a page of an answer costs what a page costs.

Epochs hold keys as they came. Sorting a million of them takes seconds, so it is done once and kept up: a dict keeps the
order in which its keys were put in, and so the keys that are new since the last look are the last ones of it. Only
they are copied while the fold stands still; they are sorted in when it goes on.
"""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from anabranch import View
from anabranch.view import Key, Tiles, key_order
from speed.state import SpeedState
from speed.tile_selection import Place

_CHUNK_KEYS = 1_024
"""Keys are sorted so many at a time: Python lets no other thread run while it sorts."""
_STALE_KEYS = 10_000


@dataclass(frozen=True, slots=True)
class _Source:
    """The tiles of one epoch, and how many keys were ever put into them."""

    tiles: Tiles
    put: int


@dataclass(slots=True)
class _Chunk:
    """Neighbours, sorted when somebody wants to read them."""

    forms: list[Any]
    is_sorted: bool = True

    def in_order(self) -> list[Any]:
        if not self.is_sorted:
            self.forms = sorted(set(self.forms))  # several epochs may have a key; one that went may have come again
            self.is_sorted = True
        return self.forms


class KeyIndex:
    """The keys of one view. Who uses it holds `lock`, and takes it before the state's.

    It may know keys that are gone: whoever takes tiles finds none there.

    Parameters
    ----------
    view
        Whose keys.
    """

    def __init__(self, view: View):
        self.lock = threading.Lock()
        self._fields = view.key_fields
        self._name = view.name
        self._sources: list[_Source] = []
        self._clear()

    def _clear(self) -> None:
        self._has_missing = False
        self._chunks = [_Chunk([])]
        self._borders: list[Any] = []  # what the second chunk and those behind it begin with
        self._count = 0

    # keeping up

    def take_new(self, state: SpeedState) -> list[Key]:
        """The keys that have come since the last time, to be handed to `add`. The state must stand still.

        It takes a few microseconds and the time of copying those keys.
        """
        found = [
            _Source(tiles, len(tiles) + epoch.removed_keys.get(self._name, 0))
            for epoch in state.epochs
            if (tiles := epoch.tiles.get(self._name)) is not None
        ]
        known = {id(source.tiles): source.put for source in self._sources}
        live = sum(len(source.tiles) for source in found)
        # an epoch that was dropped or joined to another took its keys with it; so did many that expired
        if known.keys() - {id(source.tiles) for source in found} or self._count > 2 * live + _STALE_KEYS:
            self._clear()
            known = {}
        self._sources = found
        new: list[Key] = []
        for source in found:
            # each key that was put in since is among the last so many: what went in between left the others last
            new += islice(reversed(source.tiles), source.put - known.get(id(source.tiles), 0))
        return new

    def add(self, keys: Iterable[Key]) -> None:
        """Sort keys in."""
        chunks, borders = self._chunks, self._borders
        for key in keys:
            if None in key and not self._has_missing:
                self._order_missing()
                chunks, borders = self._chunks, self._borders
            form = key_order(key) if self._has_missing else key
            at = bisect_right(borders, form)
            chunk = chunks[at]
            chunk.forms.append(form)
            chunk.is_sorted = False
            self._count += 1
            if len(chunk.forms) > _CHUNK_KEYS:
                forms = chunk.in_order()
                half = len(forms) // 2
                if half:
                    chunks[at : at + 1] = [_Chunk(forms[:half]), _Chunk(forms[half:])]
                    borders.insert(at, forms[half])

    def _order_missing(self) -> None:
        """From now on sort by `key_order`: a missing value does not compare with others, and keys alone are quicker."""
        keys = [key for chunk in self._chunks for key in chunk.forms]
        self._clear()
        self._has_missing = True
        self.add(keys)

    # reading

    def wanted(self, keys: Mapping[str, Any], place: Place | None) -> Iterator[Key]:
        """The keys that have these values, in order, from the one of `place` on.

        Values of the first fields are found by search; for others all keys are looked at.
        """
        leading = self._leading(keys)
        start = leading if place is None else max(leading, place[0], key=key_order)
        for key in self._from(start):
            if key[: len(leading)] != leading:
                return
            if matches(key, self._fields, keys):
                yield key

    def _leading(self, keys: Mapping[str, Any]) -> Key:
        """The values of as many of the first fields as are given."""
        values = []
        for field in self._fields:
            if field not in keys:
                break
            values.append(keys[field])
        return tuple(values)

    def _from(self, start: Key) -> Iterator[Key]:
        if None in start and not self._has_missing:
            self._order_missing()
        lowest = key_order(start) if self._has_missing else start
        first = bisect_right(self._borders, lowest)
        for at, chunk in enumerate(self._chunks[first:]):
            forms = chunk.in_order()
            begin = 0 if at else bisect_left(forms, lowest)
            for form in islice(forms, begin, None):
                yield tuple([value if there else None for there, value in form]) if self._has_missing else form


def matches(key: Key, fields: Sequence[str], keys: Mapping[str, Any]) -> bool:
    """Whether a key has the values that are given by field."""
    return all(key[fields.index(field)] == value for field, value in keys.items())


def in_order(keys: Iterable[Key]) -> list[Key]:
    """Keys sorted by `key_order`."""
    keys = list(keys)
    try:
        return sorted(keys)  # the same order, and quicker, where no missing value meets another
    except TypeError:
        return sorted(keys, key=key_order)
