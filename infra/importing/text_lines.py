"""The lines of a text file, whatever they end with, with bounded memory."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

_BLOCK_BYTES = 1 << 20
_KEPT_BYTES = 10_000
"""How much is kept of a line that is too long: enough for a person to find it again."""
_LINE_END = re.compile(rb"\r\n?|\n")


class Line(NamedTuple):
    """One line.

    Attributes
    ----------
    raw
        Its bytes, with what ends it; only the first of them if it is larger than allowed.
    size
        How many bytes it has in the file.
    end
        The byte behind it.
    number
        1-based, among all lines of the file.
    """

    raw: bytes
    size: int
    end: int
    number: int


def lines_of(file: BinaryIO, byte: int, max_bytes: int) -> Iterator[Line]:
    """The lines from a byte on, which end with LF, CR LF or CR.

    Parameters
    ----------
    byte
        Where the first of them begins.
    max_bytes
        Of a longer line only the beginning is handed out.
    """
    number = _lines_before(file, byte)
    end = byte
    for raw, size in _pieces(file, max_bytes):
        number, end = number + 1, end + size
        yield Line(raw, size, end, number)


def _pieces(file: BinaryIO, max_bytes: int) -> Iterator[tuple[bytes, int]]:
    """(bytes, size) of every line."""
    rest, passed = b"", 0  # what a line has so far; how much of it was passed over since it is too long
    while block := _block(file):
        if passed:
            found = _LINE_END.search(block)
            if found is None:
                passed += len(block)
                continue
            yield rest, passed + found.end()
            rest, passed, block = b"", 0, block[found.end() :]
        lines = (rest + block).splitlines(keepends=True)  # of bytes: LF, CR LF and CR, nothing else
        rest = lines.pop() if lines and not lines[-1].endswith((b"\n", b"\r")) else b""
        for line in lines:
            yield (line, len(line)) if len(line) <= max_bytes else (line[:_KEPT_BYTES], len(line))
        if len(rest) > max_bytes:
            rest, passed = rest[:_KEPT_BYTES], len(rest)
    if rest:
        yield rest, passed or len(rest)


def _block(file: BinaryIO) -> bytes:
    """The next bytes of a file, never divided between CR and LF: the line end would be counted twice."""
    block = file.read(_BLOCK_BYTES)
    while block.endswith(b"\r") and (more := file.read(1)):
        block += more
    return block


def _lines_before(file: BinaryIO, byte: int) -> int:
    """How many lines end before a byte; the file stands there afterwards."""
    file.seek(0)
    found, left, after_cr = 0, byte, False
    while left and (block := file.read(min(_BLOCK_BYTES, left))):
        left -= len(block)
        found += block.count(b"\n") + block.count(b"\r") - block.count(b"\r\n")
        found -= after_cr and block.startswith(b"\n")
        after_cr = block.endswith(b"\r")
    file.seek(byte)
    return found
