"""How much the epochs hold: keys and tiles counted, bytes estimated.

The fold is not held up: a dictionary hands out the list of its values in one step, which takes some milliseconds for a
million keys, and tiles are weighed a few at a time.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice

from anabranch.view import Tiles
from speed.consumer import Consumer

SAMPLED_KEYS = 32
"""Keys of a view that are weighed in each epoch, with a tile of each."""


@dataclass(slots=True)
class Size:
    """What the epochs hold of one view.

    Attributes
    ----------
    keys, tiles
        How many; one that several epochs have counts in each.
    bytes
        About how much memory they take. `SAMPLED_KEYS` keys, evenly spread in the order of their coming, are weighed
        with all that they consist of, and one tile of each; states are plain data, so nothing hides. It is off where
        tiles are of very unequal size, and by what the allocator loses between objects.
    """

    keys: int = 0
    tiles: int = 0
    bytes: int = 0


def sizes_by_view(consumer: Consumer) -> dict[str, Size]:
    """What the epochs hold of each view at this moment."""
    with consumer.reading() as state:
        epochs = list(state.epochs)
    sizes = {}
    for name in consumer.app.views:
        size = sizes[name] = Size()
        for epoch in epochs:
            _add(size, consumer, epoch.tiles.get(name, {}))
    return sizes


def _add(size: Size, consumer: Consumer, tiles: Tiles) -> None:
    with consumer.reading():
        by_start = list(tiles.values())
        sample = list(islice(tiles.items(), 0, None, 1 + len(tiles) // SAMPLED_KEYS))
    if not sample:
        return
    count = sum(map(len, by_start))  # beside the fold: it may find a tile more than there were a moment ago
    with consumer.reading():
        cells = [next(iter(of_key.values())) for _, of_key in sample]
        cell_bytes = sum(map(deep_bytes, cells)) / len(cells)
    key_bytes = sum(deep_bytes(key) + sys.getsizeof(of_key) for key, of_key in sample) / len(sample)
    size.keys += len(by_start)
    size.tiles += count
    size.bytes += sys.getsizeof(tiles) + round(len(by_start) * key_bytes + count * (cell_bytes + _START_BYTES))


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
        if isinstance(found, Mapping):
            waiting += found.keys()
            waiting += found.values()
        elif isinstance(found, (list, tuple, set, frozenset)):
            waiting += found
    return total


_START_BYTES = sys.getsizeof(1 << 50)
