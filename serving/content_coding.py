"""How a body was packed for the way: gzip is undone, anything else refused (RFC 9110, section 8.4)."""

from __future__ import annotations

import zlib

from eventlog.errors import MalformedBodyError
from serving.errors import BodyTooLargeError, UnsupportedCodingError

_GZIP = 16 + zlib.MAX_WBITS


def unpacked(body: bytes, coding: str, limit: int) -> bytes:
    """A body without its content coding.

    Parameters
    ----------
    coding
        The header `Content-Encoding`.
    limit
        The most bytes that it may have; no more are ever unpacked.

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
    parts: list[bytes] = []
    size = 0
    packed = body
    try:
        while packed:  # a gzip may have several members, one after the other
            member = zlib.decompressobj(_GZIP)
            part = member.decompress(packed, limit - size + 1)
            size += len(part)
            if size > limit:
                raise BodyTooLargeError(limit)
            if not member.eof:
                raise MalformedBodyError("the gzip breaks off; send all of it")
            parts.append(part)
            packed = member.unused_data
    except zlib.error as error:
        raise MalformedBodyError(f"Content-Encoding says gzip, and it is none: {error}") from None
    return parts[0] if len(parts) == 1 else b"".join(parts)
