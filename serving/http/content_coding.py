"""How a body was packed for the way: gzip is undone, anything else refused (RFC 9110, section 8.4)."""

from __future__ import annotations

import gzip
import io
import zlib

from eventlog.errors import MalformedBodyError
from serving.errors import BodyTooLargeError, UnsupportedCodingError


def unpacked(body: bytes, coding: str, limit: int) -> bytes:
    """A body without its content coding.

    Parameters
    ----------
    coding
        The header `Content-Encoding`.
    limit
        The most bytes that it may have; no more are ever unpacked.

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
        with gzip.GzipFile(fileobj=io.BytesIO(body)) as file:
            plain = file.read(limit + 1)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise MalformedBodyError(f"Content-Encoding says gzip, and it is none, or not all of it: {error}") from None
    if len(plain) > limit:
        raise BodyTooLargeError(limit)
    return plain
