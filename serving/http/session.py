"""The session of a browser: a cookie that only who knew the API key can have.

The cookie is made from the key alone, so it outlives restarts, needs no table, and ends when the key is changed. The
key itself cannot be found from it.
"""

from __future__ import annotations

import hashlib
import hmac

from starlette.requests import cookie_parser

COOKIE = "anabranch_session"
DAYS = 30


def token_of(key: str) -> str:
    """What the cookie holds."""
    return hmac.digest(key.encode(), b"anabranch dashboard session", hashlib.sha256).hex()


def token_in(header: bytes) -> str | None:
    """The token in a ``Cookie`` header; None: there is none.

    Cookies know no ports: those of other programs of the host come along, and their values may be anything.
    `http.cookies` gives up the whole header at the first that RFC 6265 does not allow, and nobody could log in.
    """
    return cookie_parser(header.decode("latin-1")).get(COOKIE)
