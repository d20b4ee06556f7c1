"""The name ``log`` of a store: of which log it is the store, and its own id.

The log remembers the store's id when it is first archived there (see `eventlog.log.identity.bind_store`). So each
knows the other: of two stores that are opened on one log only one can be the one that has what the log has dropped.
"""

from __future__ import annotations

import json
from typing import NamedTuple
from uuid import uuid4

from eventlog.store.errors import BlobDamagedError, StoreMissingError
from eventlog.store.store import Store

NAME = "log"


class StoreName(NamedTuple):
    """What a store says of itself.

    Attributes
    ----------
    log
        The id of the log that it belongs to.
    store
        Its own, which goes with it where it is copied.
    """

    log: str
    store: str


def store_name(store: Store) -> StoreName | None:
    """What a store says of itself; None: nothing yet.

    Raises
    ------
    BlobDamagedError
        If it cannot be understood.
    StoreUnavailableError
        If it cannot be asked now.
    """
    try:
        content = store.read(NAME)
    except StoreMissingError:
        return None
    try:
        told = json.loads(content)
        return StoreName(str(told["id"]), str(told["store"]))
    except (ValueError, KeyError, TypeError):
        raise BlobDamagedError(store.url, NAME, "does not tell the id of a log; put it back from a backup") from None


def name_store(store: Store, log: str, own: str | None = None) -> StoreName:
    """Have a store belong to a log, unless it belongs to one already; returns what it says of itself then.

    Parameters
    ----------
    own
        By which id the log knows it already; None: by none.
    """
    known = store_name(store)
    if known is None:
        store.create(NAME, json.dumps({"id": log, "store": own or str(uuid4())}).encode())  # of several one succeeds
        known = store_name(store)
    assert known is not None, "it was just made"
    return known
