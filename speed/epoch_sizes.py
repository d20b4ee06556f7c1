"""How much the epochs hold: keys and tiles counted, bytes estimated.

The fold, and with it everything that the interpreter does, is not held up for long: one view of one epoch is looked at
at a time, and of very many keys only some are.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import islice

from anabranch import View
from anabranch.view import Tiles
from speed.state import SpeedState

COUNTED_KEYS = 10_000
"""Of a view with more keys than this, tiles are not counted but estimated, from keys that are evenly spread."""
WEIGHED_KEYS = 32
"""Keys of a view that are weighed in each epoch, with a tile of each."""
SPREAD_KEYS = 2_000
"""From so many keys they are estimated."""


@dataclass(slots=True)
class EpochSize:
    """What the epochs hold of one view.

    Attributes
    ----------
    keys, tiles
        How many; what several epochs have counts in each. See `COUNTED_KEYS`.
    bytes
        About how much memory they take. `WEIGHED_KEYS` keys, evenly spread in the order of their coming, are weighed
        with all that they consist of, and one tile of each; states are plain data, so nothing hides. It is off where
        tiles are of very unequal size, and by what the allocator loses between objects.
    """

    keys: int = 0
    tiles: int = 0
    bytes: int = 0


def sizes_by_view(
    views: Mapping[str, View],
    holding: Callable[[], AbstractContextManager[SpeedState]],
    counted_keys: int = COUNTED_KEYS,
    spread_keys: int = SPREAD_KEYS,
) -> dict[str, EpochSize]:
    """What the epochs hold of each view at this moment.

    Parameters
    ----------
    views
        By name.
    holding
        Has the state stand still; it is let go between one view and the next.
    counted_keys, spread_keys
        See `COUNTED_KEYS` and `SPREAD_KEYS`.
    """
    with holding() as state:
        epochs = list(state.epochs)
    sizes = {}
    for name, view in views.items():
        size = sizes[name] = EpochSize()
        for epoch in epochs:
            _add(size, holding, view, epoch.tiles.get(name, {}), counted_keys, spread_keys)
    return sizes


def _add(
    size: EpochSize,
    holding: Callable[[], AbstractContextManager[SpeedState]],
    view: View,
    tiles: Tiles,
    counted_keys: int,
    spread_keys: int,
) -> None:
    with holding():
        keys = len(tiles)
        exact = keys <= counted_keys
        by_key = tiles if exact else {key: tiles[key] for key in islice(tiles, 0, None, keys // spread_keys)}
        counted = sum(map(len, by_key.values()))
        sample = list(islice(by_key.items(), 0, None, 1 + len(by_key) // WEIGHED_KEYS))
        cell_bytes = [deep_bytes(next(iter(of_key.values()))) for _, of_key in sample]
    if not sample:
        return
    count = counted if exact else keys if view.tile_us is None else round(counted * keys / len(by_key))
    cells = count * (sum(cell_bytes) / len(sample) + _START_BYTES)
    key_bytes = sum(deep_bytes(key) + sys.getsizeof(of_key) for key, of_key in sample) / len(sample)
    size.keys += keys
    size.tiles += count
    size.bytes += sys.getsizeof(tiles) + round(keys * key_bytes + cells)


def deep_bytes(root: object) -> int:
    """The bytes of an object and of all that it consists of, each once.

    >>> deep_bytes([1000, 2000]) == sys.getsizeof([1, 2]) + 2 * sys.getsizeof(1000)
    True
    """
    total = 0
    seen = {id(None)}
    waiting = [root]
    while waiting:
        found = waiting.pop()
        if id(found) in seen:
            continue
        seen.add(id(found))
        total += sys.getsizeof(found)
        if isinstance(found, dict):
            waiting += found.keys()
            waiting += found.values()
        elif isinstance(found, (list, tuple, set, frozenset)):
            waiting += found
    return total


_START_BYTES = sys.getsizeof(1 << 50)
