"""The sessions of browsers: begun by a login, ended by a logout, by their time, or with the key."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Lock

from starlette.requests import cookie_parser

COOKIE = "anabranch_session"
DAYS = 30
MOST = 1_000
"""How many sessions there may be; the oldest ends for a new one."""
logger = logging.getLogger(__name__)
_MICROSECONDS = 86_400_000_000


class Sessions:
    """Who is logged in.

    A cookie holds a token of chance. What is kept of it, in memory and in the file, is its digest under the API key:
    the file logs nobody in, and under another key no token is known. The file is written at a login and at a logout,
    so that sessions outlive a restart; one that is lost, damaged or cannot be written ends them all with the process.

    Parameters
    ----------
    key
        The API key.
    file
        Where they are kept; None: in memory alone.
    clock
        Microseconds since 1970.
    """

    def __init__(self, key: str, file: Path | None, clock: Callable[[], int]):
        self._key = hmac.digest(key.encode(), b"anabranch dashboard session", hashlib.sha256)
        self._file = file
        self._clock = clock
        self._lock = Lock()
        self._ends: dict[str, int] = {}
        if file is not None and file.exists():
            self._ends = _read(file)

    def begin(self) -> str:
        """The token of a new session."""
        token = secrets.token_urlsafe(32)
        now = self._clock()
        with self._lock:
            alive = {digest: end for digest, end in self._ends.items() if end > now}
            newest = sorted(alive, key=alive.__getitem__)[1 - MOST :]
            ends = {digest: alive[digest] for digest in newest}
            ends[self._digest(token)] = now + DAYS * _MICROSECONDS
            self._keep(ends)
        return token

    def include(self, token: str) -> bool:
        """Whether there is a session of this token."""
        return self._ends.get(self._digest(token), 0) > self._clock()

    def end(self, token: str) -> None:
        """End a session: its token is nobody's from now on."""
        digest = self._digest(token)
        with self._lock:
            if digest in self._ends:
                self._keep({other: end for other, end in self._ends.items() if other != digest})

    def _digest(self, token: str) -> str:
        return hmac.digest(self._key, token.encode(), hashlib.sha256).hex()

    def _keep(self, ends: dict[str, int]) -> None:
        self._ends = ends
        if self._file is None:
            return
        beside = self._file.with_name(f"{self._file.name}.part")
        try:
            beside.touch(mode=0o600)
            beside.write_text(json.dumps(ends))
            beside.replace(self._file)
        except OSError as error:
            logger.warning("%s cannot be written (%s): sessions end with this process", self._file, error)
            with suppress(OSError):
                self._file.unlink(missing_ok=True)  # or a session that was ended would be back after a restart


def _read(file: Path) -> dict[str, int]:
    try:
        content = json.loads(file.read_bytes())
        if not isinstance(content, dict) or not all(isinstance(end, int) for end in content.values()):
            raise ValueError("it holds no sessions")
    except (OSError, ValueError) as error:
        logger.warning("%s cannot be read (%s): everybody has to log in again", file, error)
        return {}
    return content


def token_in(header: bytes) -> str | None:
    """The token in a ``Cookie`` header; None: there is none.

    Cookies know no ports: those of other programs of the host come along, and their values may be anything.
    `http.cookies` gives up the whole header at the first that RFC 6265 does not allow, and nobody could log in.
    """
    return cookie_parser(header.decode("latin-1")).get(COOKIE)
