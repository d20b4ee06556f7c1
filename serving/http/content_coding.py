"""How a body was packed for the way: gzip is undone, anything else refused (RFC 9110, section 8.4)."""

from __future__ import annotations

import zlib

from eventlog.errors import MalformedBodyError
from eventlog.intake.bodies import Take, ignored
from serving.errors import BodyTooLargeError, UnsupportedCodingError

_GZIP = 16 + zlib.MAX_WBITS
_PIECE_BYTES, _UNPACKED_BYTES = 64 * 1024, 2**20
"""How much is unpacked at once, before and after."""
_MAX_MEMBERS = 10_000
"""A member may be empty, and costs as much as one that holds thousands of bytes."""


def unpacked(body: bytes, coding: str, limit: int, take: Take = ignored) -> bytes:
    """A body without its content coding.

    Parameters
    ----------
    coding
        The header `Content-Encoding`.
    limit
        The most bytes that it may have; no more are ever unpacked.
    take
        Is told of each piece before it is kept, and may raise.

    >>> import gzip
    >>> unpacked(gzip.compress(b"[1]") + gzip.compress(b" "), "gzip", 100)
    b'[1] '

    Raises
    ------
    UnsupportedCodingError
        If it is packed otherwise.
    BodyTooLargeError
        If it is larger than `limit`.
    MalformedBodyError
        If it is no gzip, or not all of it.
    """
    name = coding.strip().lower()
    if name in ("", "identity"):
        return body
    if name not in ("gzip", "x-gzip"):
        raise UnsupportedCodingError(coding)
    try:
        return _gunzipped(body, limit, take)
    except zlib.error as error:
        raise MalformedBodyError(f"Content-Encoding says gzip, and it is none, or not all of it: {error}") from None


def _gunzipped(body: bytes, limit: int, take: Take) -> bytes:
    """What all members of a gzip file hold together (RFC 1952, section 2.2); zeros may stand behind them."""
    pieces: list[bytes] = []
    size = members = begin = 0
    rest = b""
    member = None
    more = False
    while True:
        if not rest and not more:
            if begin >= len(body):
                break
            rest, begin = body[begin : begin + _PIECE_BYTES], begin + _PIECE_BYTES  # what is left over is copied
        if member is None:
            rest = rest.lstrip(b"\0") if members else rest
            if not rest:
                continue
            members += 1
            if members > _MAX_MEMBERS:
                raise MalformedBodyError(f"the gzip file has more than {_MAX_MEMBERS:,} members")
            member = zlib.decompressobj(_GZIP)
        room = min(_UNPACKED_BYTES, limit - size + 1)
        plain = member.decompress(rest, room)
        size += len(plain)
        if size > limit:
            raise BodyTooLargeError(limit)
        take(len(plain))
        pieces.append(plain)
        more = len(plain) == room and not member.eof
        rest = member.unused_data if member.eof else member.unconsumed_tail
        member = None if member.eof else member
    if member is not None:
        raise zlib.error("it ends early")
    return b"".join(pieces)
