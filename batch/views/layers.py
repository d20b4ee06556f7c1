"""The layers of a view: an incremental run writes the tiles that it touched, not every tile again.

A view's files in a generation are one layer or a few, the newest first. A layer holds whole states: a tile in a newer
layer takes the place of the same tile in the older ones, so that who reads looks for the newest and merges nothing.

A new layer takes in those below it that are not much larger than what it is by then, as in a log-structured merge tree
(O'Neil et al., *The log-structured merge-tree*, 1996): each layer is more than `RATIO` times as large as the one above
it, so that layers stay few, and a tile that is written anew goes into a layer that has grown by a quarter at least.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

RATIO = 4
"""A layer that is at most so many times as large as what lies above it is taken in. Of runs that each touch 1 % of a
million tiles, one writes 73,000 tiles on average, and a reader finds 2.6 layers; with 2 it would be 47,000 and 3.6,
with 8 113,000 and 2.1."""
LAYERS_MOST = 6
"""Layers of a view: each is one descent more of a point read."""
WORTH_A_LAYER = 20_000
"""Tiles that are written again so quickly that no reader need look for them in a layer of their own."""


@dataclass(frozen=True, slots=True)
class LayerSize:
    """What a manifest says of the size of a layer.

    Attributes
    ----------
    rows
        The number of its tiles, also of those that a newer layer or `keep` hides.
    first, last
        Where the first and the last of them in time start, in microseconds; None: that is not known.
    """

    rows: int
    first: int | None = None
    last: int | None = None

    def may_have(self, start: int | None, end: int | None) -> bool:
        """Whether there may be tiles that start in ``[start, end)``."""
        if self.first is None or self.last is None:
            return True
        return (start is None or self.last >= start) and (end is None or self.first < end)


def taken_in(touched: int, below: Sequence[int], tiles: int, worth_a_layer: int = WORTH_A_LAYER) -> int:
    """How many of the layers below it a new layer takes in, the newest first.

    >>> taken_in(10_000, [1_000_000], 1_000_000)
    0
    >>> taken_in(10_000, [30_000, 1_000_000], 1_030_000)
    1

    Parameters
    ----------
    touched
        Tiles that are new or have changed; 0: there is no new layer, unless it takes one in.
    below
        The number of tiles of each layer that is there, the newest first.
    tiles
        How many tiles the view has. All layers become one where more than half of what they hold is hidden.
    worth_a_layer
        Layers up to this size are taken in whatever lies above.
    """
    if touched + sum(below) > 2 * max(tiles, worth_a_layer):
        return len(below)
    if not touched:
        return 0
    held, count = touched, 0
    for rows in below:
        if rows > max(RATIO * held, worth_a_layer) and len(below) - count < LAYERS_MOST:
            break
        held += rows
        count += 1
    return count
