"""Totals of the batch part, kept as long as their generation is served: it never changes, and is asked again and again.

A dashboard asks for the last week every few seconds. The tiles of a generation that it is answered from are the same
until the first of them falls out of the week, which is once a tile; so the totals of a page are merged once and kept.
"""

from __future__ import annotations

import marshal
from collections import OrderedDict
from itertools import islice
from threading import Lock
from typing import Any

from anabranch import View
from batch.generation import Generation
from serving.answers.merged_answer import total_rows
from serving.answers.selection import ViewQuery
from speed.tile_selection import Row, TileSelection

KEPT_BYTES = 32 * 2**20
"""What is kept at most, of all pages together."""


class BatchTotals:
    """The pages that were asked for last."""

    def __init__(self, kept_bytes: int = KEPT_BYTES):
        self._most = kept_bytes
        self._lock = Lock()
        self._pages: OrderedDict[tuple[Any, ...], bytes] = OrderedDict()
        self._bytes = 0

    def rows(self, generation: Generation, view: View, query: ViewQuery, selection: TileSelection) -> list[Row]:
        """One row a key, as many as a page has; the caller may change their cells."""
        stop, newest = selection.stop, generation.watermark(view)
        if stop is not None and newest is not None and stop > newest:
            stop = None  # behind all that it has: it is the end of ``last=``, which moves with every event
        asked = (
            generation.run,
            generation.number,
            view.name,
            tuple(sorted(query.keys.items())),
            (selection.first, stop, selection.place, selection.limit),
        )
        with self._lock:
            kept = self._pages.get(asked)
            if kept is not None:
                self._pages.move_to_end(asked)
        if kept is not None:
            rows: list[Row] = marshal.loads(kept)
            return rows
        tiles = generation.tiles(view, query.keys, start=selection.first, end=stop, after=selection.place)
        rows = list(islice(total_rows(view, tiles), selection.limit))
        self._keep(asked, marshal.dumps(rows))
        return rows

    def _keep(self, asked: tuple[Any, ...], rows: bytes) -> None:
        if len(rows) > self._most:
            return
        with self._lock:
            if asked in self._pages:
                return
            self._pages[asked] = rows
            self._bytes += len(rows)
            while self._bytes > self._most:
                self._bytes -= len(self._pages.popitem(last=False)[1])
