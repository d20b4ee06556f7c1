"""Requests with an ``Idempotency-Key``: carried out once, however often they are sent.

As draft-ietf-httpapi-idempotency-key-header-07 has it, and as Stripe does: the first request that had an effect is
answered, and its answer is stored in the transaction of that effect (see `eventlog.log.keyed_requests`). Whoever sends
it again gets that answer. What was refused without an effect is not remembered: mended, it may come again with its key.

There is one API key, and so one caller: whoever may ask at all may use every key. An answer is handed out again only to
who sends the very same request.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from hashlib import sha256

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from anabranch import Cut
from batch.errors import LeaseHeldError
from eventlog.log import Answered, Append, Appended, KeyedRequest, Log
from serving.errors import AlreadyChampionError, AlreadyRetriedError, NoEarlierChampionError, WrongIdempotencyKeyError

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
"""The header of an answer that an earlier request got."""
KEY_MOST = 255
_NAME = HEADER.lower().encode()
_QUICK_BYTES = 64 * 1024
"""The digest of a larger body is computed in a thread of its own, so that other requests do not wait."""
_DONE_ALREADY = (AlreadyRetriedError, AlreadyChampionError, NoEarlierChampionError, LeaseHeldError)
"""What a repetition meets when another process carried the first request out after it was looked for."""
Answer = Callable[[Appended], Response]


@dataclass(frozen=True, slots=True)
class Asked:
    """By what a request is known again.

    Attributes
    ----------
    key
        Its key; None: it has none, and is carried out whenever it comes.
    digest
        The sha256 of all that decides what it does.
    """

    key: str | None = None
    digest: str = ""

    def append(self, append: Append, answer: Answer) -> Append:
        """The append of the request, which remembers the answer if the request has a key.

        Parameters
        ----------
        answer
            Makes the answer. It is called by the writer thread of the log, and must be quick.
        """
        if self.key is None:
            return append
        return replace(append, request=KeyedRequest(self.key, self.digest, lambda done: _packed(answer(done))))


_WITHOUT_KEY = Asked()
Act = Callable[[Asked], Awaitable[Response]]


class IdempotentRequests:
    """Carries requests out, those with a key once. To be used in one event loop."""

    def __init__(self, log: Log):
        self._log = log
        self._gates: dict[str, asyncio.Lock] = {}  # of the keys that are at work now
        self._waiting: dict[str, int] = {}

    async def once(
        self, request: Request, body: bytes, act: Act, until: Callable[[Cut], Awaitable[None]] | None = None
    ) -> Response:
        """Answer a request.

        Parameters
        ----------
        body
            Its body, unpacked.
        act
            Carries it out, and has the log remember the answer by `Asked.append`.
        until
            Called with the position of the first request before its answer is told again.

        Raises
        ------
        WrongIdempotencyKeyError
            If the header holds no key.
        KeyReusedError
            If another request had the key.
        """
        key = key_of(request)
        if key is None:
            return await act(_WITHOUT_KEY)
        quick = len(body) <= _QUICK_BYTES
        asked = Asked(key, _digest(request, body) if quick else await run_in_threadpool(_digest, request, body))
        async with self._alone(key):
            told = await self._told(asked)
            if told is None:
                try:
                    return await act(asked)
                except _DONE_ALREADY:
                    told = await self._told(asked)
                    if told is None:
                        raise
            if until is not None:
                await until(told.position)
            return replayed(told)

    async def _told(self, asked: Asked) -> Answered | None:
        assert asked.key is not None
        told = await run_in_threadpool(self._log.answered, asked.key)
        return None if told is None else told.repeated(asked.key, asked.digest)

    @asynccontextmanager
    async def _alone(self, key: str) -> AsyncIterator[None]:
        """While no other request of this process with the key is at work; the others wait for it to end."""
        gate = self._gates.setdefault(key, asyncio.Lock())
        self._waiting[key] = self._waiting.get(key, 0) + 1
        try:
            async with gate:
                yield
        finally:
            self._waiting[key] -= 1
            if not self._waiting[key]:
                del self._waiting[key], self._gates[key]


def key_of(request: Request) -> str | None:
    """The key of a request; None: it has none. A quoted text (RFC 8941, as the draft wants it) is what it quotes.

    Raises
    ------
    WrongIdempotencyKeyError
        If it is given twice, is empty or too long, or has other characters than visible ones of ASCII.
    """
    found: list[bytes] = [value for name, value in request.scope["headers"] if name == _NAME]
    if not found:
        return None
    key = found[0].decode("latin-1").strip(" \t")
    if len(key) > 2 and key[0] == key[-1] == '"':
        key = key[1:-1]
    if len(found) > 1 or not 0 < len(key) <= KEY_MOST or not all("!" <= character <= "~" for character in key):
        raise WrongIdempotencyKeyError(KEY_MOST)
    return key


def replayed(told: Answered) -> Response:
    """The answer that the first request got."""
    head, _, body = told.answer.partition(b"\n")
    status, headers, media_type = orjson.loads(head)
    return Response(body, status, {**headers, REPLAYED: "true"}, media_type)


def _packed(response: Response) -> bytes:
    own = ("content-length", "content-type")
    headers = {name: value for name, value in response.headers.items() if name not in own}
    return orjson.dumps([response.status_code, headers, response.media_type]) + b"\n" + bytes(response.body)


def _digest(request: Request, body: bytes) -> str:
    """The sha256 of all that decides what a request does; in the binary mode of CloudEvents headers do, too."""
    scope = request.scope
    parts = [scope["method"].encode(), scope["path"].encode(), scope["query_string"]]
    for name, value in sorted(scope["headers"]):
        if name == b"content-type" or name.startswith(b"ce-"):
            parts += name, value
    digest = sha256()
    for part in (*parts, body):
        digest.update(b"%d\n" % len(part))
        digest.update(part)
    return digest.hexdigest()
