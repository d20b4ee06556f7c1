"""The tiles of a view, read by key from its index files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from anabranch.contributions import Key
from anabranch.view import View, key_order
from batch.views import index_file
from batch.views.layers import LayerSize
from batch.views.reader_pool import ReaderPool


class ViewTiles:
    """The tiles of some index files. Safe to use from many threads.

    Parameters
    ----------
    indexes
        The file of every layer, the newest first. They are opened at once, and can be read on when they are removed.
    sizes
        Of the layers; none: nothing is known of them.
    oldest
        Where the oldest tile starts that there is, in microseconds, though a layer holds older ones; None: there are
        all that the layers hold.

    Raises
    ------
    CorruptGenerationError
        If a file is not there, or is no index.
    """

    def __init__(self, view: View, indexes: Sequence[Path], sizes: Sequence[LayerSize] = (), oldest: int | None = None):
        self._view = view
        self._oldest = oldest
        self._pool = ReaderPool(indexes, view, sizes)

    def read(
        self,
        keys: Mapping[str, Any],
        start: int | None = None,
        end: int | None = None,
        after: tuple[Key, int] | None = None,
    ) -> Iterator[index_file.Row]:
        """Some tiles, ordered by key and tile; see `batch.generation.Generation.tiles`."""
        view = self._view
        if self._oldest is not None and (start is None or start < self._oldest):
            start = self._oldest
        with self._pool.lent() as reader:
            if len(keys) < len(view.key_fields):
                place = index_file.FIRST if after is None else index_file.behind(after)
                yield from reader.tiles(keys, place, start, end)
                return
            key = tuple([keys[name] for name in view.key_fields])
            if after is not None and key_order(after[0]) > key_order(key):
                return
            if after is not None and after[0] == key:
                start = after[1] + 1 if start is None else max(start, after[1] + 1)
            yield from reader.tiles_of(key, start, end)

    def close(self) -> None:
        """Close the files. Reads that are under way go on to their end."""
        self._pool.close()
