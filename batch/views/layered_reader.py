"""Reads the indexes of several layers as one: of a tile, what the newest layer has of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import merge
from itertools import chain
from operator import itemgetter
from typing import Any

from anabranch.contributions import Key
from anabranch.view import key_order
from batch.views.index_file import IndexReader, Row
from batch.views.layers import LayerSize

_START = itemgetter(1)


class LayeredReader:
    """Answers as an `IndexReader` of all layers merged would.

    Parameters
    ----------
    layers
        The newest first.
    """

    def __init__(self, layers: Sequence[tuple[IndexReader, LayerSize]]):
        self._layers = layers

    def tiles_of(self, key: Key, start: int | None, end: int | None) -> Iterator[Row]:
        """The tiles of one key that start in ``[start, end)``."""
        return _newest(reader.tiles_of(key, start, end) for reader in self._asked(start, end))

    def tiles(
        self, keys: Mapping[str, Any], first: tuple[Key, int], start: int | None, end: int | None
    ) -> Iterator[Row]:
        """The tiles that start in ``[start, end)`` of all keys with some values, from one place on."""
        heads = [_Head(reader.runs(keys, first, start, end)) for reader in self._asked(start, end)]
        while heads := [head for head in heads if head.order is not None]:
            least = min(head.order for head in heads if head.order is not None)
            having = [head for head in heads if head.order == least]
            if len(having) == 1:  # most keys, where new layers are small
                yield from having[0].rows
                having[0].advance()
            else:
                yield from _newest(head.rows_of_key() for head in having)

    def _asked(self, start: int | None, end: int | None) -> Iterator[IndexReader]:
        """The readers of layers that may have a tile in a range of time."""
        return (reader for reader, size in self._layers if size.may_have(start, end))


class _Head:
    """The runs of one layer, of which the next is looked at.

    Attributes
    ----------
    order
        That of its key; None: there is no further run.
    rows
        Its tiles.
    """

    def __init__(self, runs: Iterator[tuple[Key, Iterator[Row]]]):
        self._runs = runs
        self.advance()

    def advance(self) -> None:
        """Go on to the next run."""
        found = next(self._runs, None)
        self.order = None if found is None else key_order(found[0])
        self.rows: Iterator[Row] = iter(()) if found is None else found[1]

    def rows_of_key(self) -> Iterator[Row]:
        """The tiles of this run and of those of the same key that follow; then the next run is that of another."""
        order = self.order
        while self.order == order:
            yield from self.rows
            self.advance()


def _newest(layers: Iterable[Iterator[Row]]) -> Iterator[Row]:
    """The tiles of one key, by start; of those that start together, that of the first layer."""
    begun = []
    for rows in layers:
        first = next(rows, None)
        if first is not None:
            begun.append(chain((first,), rows))
    if len(begun) < 2:
        return begun[0] if begun else iter(())
    return _distinct(merge(*begun, key=_START))  # of equal starts it gives those of the first iterable first


def _distinct(rows: Iterator[Row]) -> Iterator[Row]:
    last: int | None = None
    for row in rows:
        if row[1] != last:
            last = row[1]
            yield row
