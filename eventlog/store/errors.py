"""Errors of the store.

EventLogError
└── StoreError
    ├── StoreUnavailableError   it cannot answer now; trying again later may help
    │   └── StoreDeniedError    it does not let us in, or do this
    ├── StoreUnfitError         it does not do what it must, so that it is not used
    ├── StoreMissingError       it has no such name
    └── BlobDamagedError        what it has under a name is not what was put there, or nothing; it was not used
"""

from __future__ import annotations

from eventlog.errors import EventLogError


class StoreError(EventLogError):
    """The root of the errors of the store.

    Attributes
    ----------
    store, name
        The URL of the store, and of what in it this tells.
    """

    def __init__(self, store: str, name: str, problem: str):
        self.store = store
        self.name = name
        super().__init__(f"{name} of the store {store} {problem}")


class StoreUnavailableError(StoreError):
    """The store cannot answer now. Nothing follows from that about what it holds; trying again later may help.

    Attributes
    ----------
    retry_after_seconds
        When it makes sense to try again.
    """

    retry_after_seconds = 5

    def __init__(self, store: str, name: str, error: BaseException):
        super().__init__(store, name, f"cannot be reached now: {' '.join(str(error).split())}")


class StoreDeniedError(StoreUnavailableError):
    """The store does not let us in, or do this. Passes when somebody grants it; waiting alone does not help."""

    def __init__(self, store: str, name: str, error: BaseException):
        StoreError.__init__(
            self,
            store,
            name,
            f"may not be reached or changed with these keys: {' '.join(str(error).split())}"
            " (reading, writing, listing and deleting below its prefix must be allowed)",
        )


class StoreUnfitError(StoreError):
    """The store does not do what it must: it gives a name twice. It is not used.

    Attributes
    ----------
    server
        What it calls itself; empty: it does not say.
    """

    def __init__(self, store: str, server: str, problem: str):
        self.server = server
        self.store = store
        self.name = ""
        EventLogError.__init__(
            self,
            f"the store {store}{f' ({server})' if server else ''} cannot be used: it does not honour If-None-Match: *"
            f" ({problem}), so that batch runs could overwrite each other's files. Use one that does, such as Amazon"
            " S3, Google Cloud Storage, Azure Blob Storage, MinIO, or SeaweedFS from 4.17 on; or a folder",
        )


class StoreMissingError(StoreError):
    """The store has no such name."""

    def __init__(self, store: str, name: str):
        super().__init__(store, name, "is missing")


class BlobDamagedError(StoreError):
    """What the store has under a name is not what was put there, or nothing. It was not used.

    Attributes
    ----------
    problem
        What is wrong with it.
    """

    def __init__(self, store: str, name: str, problem: str):
        self.problem = problem
        super().__init__(store, name, problem)
