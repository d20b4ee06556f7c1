"""What the messages of an Arrow IPC stream declare: read before pyarrow makes any buffer of them.

A compressed buffer says itself how large it will be, and columns without buffers have any length at all: a stream of
some hundred bytes may ask for gigabytes. pyarrow tells neither, so that its messages are read here as far as that
needs. They are flatbuffers, which pyarrow has verified when it hands a message out.

Sources: ``Message.fbs`` and ``Schema.fbs`` of the Arrow columnar format 1.5, "Serialization and Interprocess
Communication"; "FlatBuffers internals" for the layout of tables.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

SCHEMA, DICTIONARY, BATCH = 1, 2, 3
"""The kinds of messages (``MessageHeader``) that a stream of tables is made of."""
_RAW = -1
"""The size that stands before a buffer which was left as it was, in a batch of compressed ones."""


class Declared(NamedTuple):
    """What a message says of itself.

    Attributes
    ----------
    kind
        `SCHEMA`, `DICTIONARY`, `BATCH`, or another number.
    rows
        The length of the batch or of the dictionary.
    values
        The lengths of all its columns and of their children together.
    unpacked_bytes
        What all its buffers together have, once they are decompressed. Buffers that overlap count each.
    big_endian
        Whether the schema says that numbers are written so.
    delta
        Whether a dictionary continues the one before.
    """

    kind: int
    rows: int = 0
    values: int = 0
    unpacked_bytes: int = 0
    big_endian: bool = False
    delta: bool = False


def declared(metadata: memoryview, body: memoryview) -> Declared:
    """What a message declares.

    Parameters
    ----------
    metadata, body
        The two parts of the message.

    Raises
    ------
    ValueError
        If a length is negative, or something lies outside of the message.
    """
    try:
        message = _Table.root(metadata)
        kind = message.number(1, "B")
        header = message.table(2)
        if kind == SCHEMA:
            return Declared(kind, big_endian=header.number(0, "<h") != 0)
        if kind == DICTIONARY:
            return _batch(kind, header.table(1), body, delta=header.number(2, "B") != 0)
        return _batch(kind, header, body, delta=False) if kind == BATCH else Declared(kind)
    except struct.error:
        raise ValueError("its metadata points outside of the message") from None


def _batch(kind: int, batch: _Table, body: memoryview, delta: bool) -> Declared:
    lengths = [length for length, _ in batch.pairs(1)]
    rows = batch.number(0, "<q")
    if rows < 0 or min(lengths, default=0) < 0:
        raise ValueError("a column has a negative length")
    sizes = list(batch.pairs(2))
    if any(offset < 0 or size < 0 or offset + size > len(body) for offset, size in sizes):
        raise ValueError("a buffer lies outside of the message")
    if batch.has(3):
        sizes = [(offset, _unpacked(body[offset : offset + size])) for offset, size in sizes]
    return Declared(kind, rows, sum(lengths), sum(size for _, size in sizes), delta=delta)


def _unpacked(buffer: memoryview) -> int:
    """How large a buffer of a compressed batch is without compression."""
    if not len(buffer):
        return 0
    size: int = struct.unpack_from("<q", buffer)[0]
    if size < _RAW:
        raise ValueError("a compressed buffer has a negative size")
    return len(buffer) - 8 if size == _RAW else size


class _Table(NamedTuple):
    """A table of a flatbuffer: where its fields stand is in a *vtable*, which it points to."""

    data: memoryview
    place: int

    @classmethod
    def root(cls, data: memoryview) -> _Table:
        return cls(data, _read(data, 0, "<I"))

    def _field(self, index: int) -> int:
        """Where a field stands; 0: it is absent."""
        vtable = self.place - _read(self.data, self.place, "<i")
        entry = 4 + 2 * index
        if entry >= _read(self.data, vtable, "<H"):
            return 0
        offset = _read(self.data, vtable + entry, "<H")
        return self.place + offset if offset else 0

    def has(self, index: int) -> bool:
        return self._field(index) != 0

    def number(self, index: int, form: str) -> int:
        place = self._field(index)
        return _read(self.data, place, form) if place else 0

    def table(self, index: int) -> _Table:
        place = self._field(index)
        if not place:
            raise ValueError("its metadata lacks a part")
        return _Table(self.data, place + _read(self.data, place, "<I"))

    def pairs(self, index: int) -> Iterator[tuple[int, int]]:
        """The structs of two 64-bit integers of a vector: lengths and null counts, or offsets and sizes."""
        place = self._field(index)
        if not place:
            return iter(())
        place += _read(self.data, place, "<I")
        begin = place + 4
        end = begin + 16 * _read(self.data, place, "<I")
        if end > len(self.data):
            raise ValueError("its metadata points outside of the message")
        return struct.iter_unpack("<qq", self.data[begin:end])


def _read(data: memoryview, place: int, form: str) -> int:
    if place < 0:  # which would count from the end
        raise struct.error
    number: int = struct.unpack_from(form, data, place)[0]
    return number
