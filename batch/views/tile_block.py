"""A block: neighbouring tiles of a view, packed. Written with Arrow and numpy, read without.

A block has a head, its runs (tiles of one key that lie side by side), the starts of all tiles, a record of cells for
each tile, and a heap. The runs are the indexes of their first tiles, and their keys as a JSON array of arrays. A record
is a bit for each value that is missing, and the values: 64-bit numbers, truth values, and for a text or bytes the place
in the heap and the length. Everything is little endian.
"""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate, islice, pairwise
from operator import itemgetter
from struct import Struct, unpack_from
from typing import TYPE_CHECKING, Any

import orjson

from anabranch.contributions import Key
from anabranch.view import View, key_order

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

_HEAD = Struct("<IIIIIII")
"""Tiles, runs, whether a cell is missing; where the keys, the starts, the cells and the heap begin."""
_CODES = {"BIGINT": "q", "DOUBLE": "d", "BOOLEAN": "?"}
_DTYPES = {"BIGINT": "<i8", "DOUBLE": "<f8", "BOOLEAN": "?"}
_BEHIND_BITS = itemgetter(slice(1, None))
_PLACE = "<u4,<u4"
"""The place in the heap and the length of a text."""


class Layout:
    """The form of the record of cells of a view."""

    def __init__(self, view: View):
        self.types = [sql_type for _, sql_type in view.columns]
        self.bits = len(self.types) // 8 + 1
        self.numbers = all(sql_type in _CODES for sql_type in self.types)
        self.form = Struct(f"<{self.bits}s{''.join(_CODES.get(sql_type, 'II') for sql_type in self.types)}")

    def values(self, bits: bytes, fields: Sequence[Any], heap: memoryview) -> tuple[Any, ...]:
        """The values of a record."""
        missing = int.from_bytes(bits, "little")
        found: list[Any] = []
        rest = iter(fields)
        for index, sql_type in enumerate(self.types):
            value = next(rest)
            if sql_type not in _CODES:
                value = bytes(heap[value : value + next(rest)])
                if sql_type == "VARCHAR":
                    value = value.decode()
            found.append(None if missing >> index & 1 else value)
        return tuple(found)


class Block:
    """A block, read.

    Attributes
    ----------
    tiles
        The starts of its tiles.
    """

    def __init__(self, layout: Layout, data: bytes):
        self._layout = layout
        self._data = data
        count, runs, self._missing, keys_at, at, self._cells_at, self._heap_at = _HEAD.unpack_from(data)
        self._runs = (*unpack_from(f"<{runs}I", data, _HEAD.size), count)
        self._keys: list[list[Any]] = orjson.loads(data[keys_at:at])
        self.tiles: Sequence[int] = _numbers(data, at, count)

    def find(self, key: Key) -> tuple[int, int, bool]:
        """The tiles of a key, as a range, which is empty if it has none; and whether greater keys follow."""
        keys, wanted = self._keys, list(key)
        try:  # lists of plain values are in the order of `key_order` by themselves
            run = bisect_left(keys, wanted)
        except TypeError:  # a missing value has no natural order
            run = bisect_left(keys, key_order(key), key=lambda found: key_order(tuple(found)))
        if run == len(keys):
            return self._runs[-1], self._runs[-1], False
        start = self._runs[run]
        if keys[run] != wanted:
            return start, start, True
        return start, self._runs[run + 1], run + 1 < len(keys)

    def runs(self) -> Iterator[tuple[Key, int, int]]:
        """Every key, and the range of its tiles."""
        return zip(map(tuple, self._keys), self._runs, islice(self._runs, 1, None), strict=False)

    def cells(self, start: int, stop: int) -> Iterator[tuple[Any, ...]]:
        """The packed cells of a range of tiles."""
        layout, data = self._layout, self._data
        at, size = self._cells_at, layout.form.size
        records = layout.form.iter_unpack(data[at + start * size : at + stop * size])
        if layout.numbers and not self._missing:
            return map(_BEHIND_BITS, records)
        heap = memoryview(data)[self._heap_at :]
        return (layout.values(fields[0], fields[1:], heap) for fields in records)


def _numbers(data: bytes, at: int, count: int) -> Sequence[int]:
    if sys.byteorder == "little":
        return memoryview(data)[at : at + 8 * count].cast("q")
    numbers = array("q", data[at : at + 8 * count])
    numbers.byteswap()
    return numbers


def blocks(view: View, batch: pa.RecordBatch, block_bytes: int) -> Iterator[tuple[Key, int, bytes]]:
    """The (first key, first tile, packed block) of every block of about `block_bytes` that sorted tiles make."""
    import numpy as np

    count, width = batch.num_rows, len(view.key_fields)
    if not count:
        return
    cells = _Cells(Layout(view), batch.columns[width + 1 :])
    tiles = batch.columns[width].to_numpy().astype("<i8")
    codes, values = zip(*map(_encoded, batch.columns[:width]), strict=True) if width else ((), ())
    begins = np.zeros(count, bool)
    begins[0] = True
    for code in codes:
        begins[1:] |= code[1:] != code[:-1]
    sizes = np.cumsum(cells.sizes + 8 + _RUN_BYTES * begins)
    starts = np.append(0, np.flatnonzero(np.diff((sizes - 1) // block_bytes)) + 1)
    begins[starts] = True  # a key that goes on in the next block begins a run there: a block is read by itself
    # all of the batch at once, then cut into blocks: there are thousands of these
    runs = np.flatnonzero(begins)
    by_field = [[known[c] for c in code[runs].tolist()] for code, known in zip(codes, values, strict=True)]
    keys: list[Key] = list(zip(*by_field, strict=True)) if width else [()] * len(runs)
    in_block = runs - np.repeat(starts, np.diff(np.append(np.searchsorted(runs, starts), len(runs))))
    run_starts, tile_starts, firsts = in_block.astype("<u4").tobytes(), tiles.tobytes(), tiles[starts].tolist()
    records, missing, heaps = cells.packed(starts)
    places = zip(np.searchsorted(runs, starts).tolist(), starts.tolist(), strict=True)
    size = cells.record_bytes
    for number, ((run, start), (next_run, stop)) in enumerate(pairwise([*places, (len(runs), count)])):
        parts = (
            run_starts[4 * run : 4 * next_run],
            orjson.dumps(keys[run:next_run]),
            tile_starts[8 * start : 8 * stop],
            records[size * start : size * stop],
        )
        ends = accumulate(map(len, parts), initial=_HEAD.size)
        head = _HEAD.pack(stop - start, next_run - run, missing[number], *islice(ends, 1, None))
        yield keys[run], firsts[number], b"".join((head, *parts, heaps[number] if heaps else b""))


_RUN_BYTES = 16
"""About what a run takes."""


def _encoded(column: pa.Array) -> tuple[npt.NDArray[np.int32], list[Any]]:
    """A column of keys as places in a list of its values, of which the last is missing."""
    found = column.dictionary_encode()
    return found.indices.fill_null(-1).to_numpy(), [*found.dictionary.to_pylist(), None]


class _Cells:
    """Columns of cells that are about to be packed. `sizes` are the bytes of each record, its texts included."""

    def __init__(self, layout: Layout, columns: Sequence[pa.Array]):
        import numpy as np

        from batch.views.tile_table import arrow_type

        count = len(columns[0])
        fields = [(str(index), _DTYPES.get(sql_type, _PLACE)) for index, sql_type in enumerate(layout.types)]
        self._records = np.zeros(count, [("bits", "u1", layout.bits), *fields])
        self._texts: list[tuple[str, npt.NDArray[np.int32], memoryview]] = []
        self.sizes = np.full(count, self._records.itemsize, np.int64)
        for index, (given, sql_type) in enumerate(zip(columns, layout.types, strict=True)):
            column = given.cast(arrow_type(sql_type))
            if column.null_count:
                missing = column.is_null().to_numpy(zero_copy_only=False)
                self._records["bits"][:, index // 8] |= missing.astype(np.uint8) << index % 8
            if sql_type in _CODES:
                known = column.fill_null(False if sql_type == "BOOLEAN" else 0) if column.null_count else column
                self._records[str(index)] = known.to_numpy(zero_copy_only=False)
                continue
            _, raw_ends, text = column.buffers()
            ends = np.frombuffer(raw_ends, "<i4", count + 1, 4 * column.offset)
            self._texts.append((str(index), ends, memoryview(text or b"")))
            self._records[str(index)]["f1"] = np.diff(ends)
            self.sizes += np.diff(ends)

    @property
    def record_bytes(self) -> int:
        return self._records.itemsize

    def packed(self, starts: npt.NDArray[np.int64]) -> tuple[bytes, list[bool], list[bytes]]:
        """All records, for the blocks that begin at `starts`: whether a value is missing in each, and their heaps.

        There are no heaps if no cell is a text.
        """
        import numpy as np

        heaps: list[list[memoryview]] = [[] for _ in starts] if self._texts else []
        counts = np.diff(np.append(starts, len(self._records)))
        at = np.zeros(len(starts), np.int64)
        for name, ends, text in self._texts:
            begins = ends[starts].astype(np.int64)
            self._records[name]["f0"] = ends[:-1] + np.repeat(at - begins, counts)
            stops = np.append(begins[1:], ends[-1])
            for heap, begin, stop in zip(heaps, begins.tolist(), stops.tolist(), strict=True):
                heap.append(text[begin:stop])
            at += stops - begins
        missing = np.logical_or.reduceat(self._records["bits"].any(axis=1), starts)
        return self._records.tobytes(), missing.tolist(), [b"".join(heap) for heap in heaps]
