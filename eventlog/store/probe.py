"""Whether a store can be trusted with what it is used for: that a name is given once, whoever tries."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from urllib.error import HTTPError
from urllib.request import Request, urlopen
from uuid import uuid4

from eventlog.store.errors import StoreUnavailableError, StoreUnfitError
from eventlog.store.store import Store

PROBES = "probes"
WRITERS = 8
_DAY_US = 86_400_000_000
_NO_SUCH_REQUEST = ("501 Not Implemented", "NotImplemented")
_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
_PATIENCE_SECONDS = 3


def check_store(store: Store) -> None:
    """Hold a bucket to ``If-None-Match: *``: write one name twice, and another eight times at once. A folder passes.

    Asked once by whoever is about to use it, with some 14 requests. What it wrote it removes, and what probes left that
    were killed.

    Raises
    ------
    StoreUnfitError
        If more than one succeeded: two batch runs could overwrite each other.
    StoreUnavailableError
        If it cannot be asked now, or does not let us read, write, list and delete (`StoreDeniedError`).
    """
    if store.path(PROBES) is not None:
        return
    twice, race = f"{PROBES}/{uuid4().hex}", f"{PROBES}/{uuid4().hex}"
    try:
        won = _create(store, twice, 0) + _create(store, twice, 1)
        if won == 1 and store.read(twice) == b"0":
            with ThreadPoolExecutor(WRITERS) as pool:
                won = sum(pool.map(lambda n: _create(store, race, n), range(WRITERS)))
        if won != 1:
            raise StoreUnfitError(store.url, _server(store), f"{won} of several who wrote one name succeeded")
        fresh = store.stat(race)
        now = 0 if fresh is None else fresh.modified
        store.remove([found.name for found in store.list(PROBES) if found.modified < now - _DAY_US])
    finally:
        with suppress(StoreUnavailableError):  # the first error says more; the next probe of another day removes them
            store.remove([twice, race])


def _create(store: Store, name: str, n: int) -> bool:
    try:
        return store.create(name, str(n).encode())
    except StoreUnavailableError as error:
        if any(told in str(error) for told in _NO_SUCH_REQUEST):
            raise StoreUnfitError(store.url, _server(store), "it knows no conditional request") from None
        raise


def _server(store: Store) -> str:
    """What the server calls itself, for people; empty where it does not say."""
    endpoint = next((os.environ[name] for name in _ENDPOINTS if os.environ.get(name)), "")
    if not store.url.startswith("s3:") or not endpoint.startswith(("http://", "https://")):
        return ""
    try:
        with urlopen(Request(endpoint, method="HEAD"), timeout=_PATIENCE_SECONDS) as answer:
            return str(answer.headers.get("Server") or "").strip()
    except HTTPError as error:  # it refuses whom it does not know, and says who it is
        return str(error.headers.get("Server") or "").strip()
    except (OSError, ValueError):
        return ""
