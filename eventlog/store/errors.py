"""Errors of the store.

EventLogError
└── StoreError
    ├── StoreUnavailableError   it cannot answer now; trying again later may help
    │   └── StoreDeniedError    it does not let us in, or do this
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
