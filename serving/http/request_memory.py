"""The memory that requests may take, all together.

A request says what it needs before it takes it: each piece of its body as it comes, and what will be made of it. Beyond
the limit it is refused, to come again later, so that many requests cannot end the service where each alone is fine.
"""

from __future__ import annotations

from threading import Lock
from types import TracebackType

from serving.errors import MemoryTakenError, TakesTooMuchError


class RequestMemory:
    """Counts what all requests have taken. May be asked from any thread.

    Parameters
    ----------
    limit
        The most bytes that they may take together.
    """

    def __init__(self, limit: int):
        self.limit = limit
        self._taken = 0
        self._lock = Lock()

    @property
    def taken(self) -> int:
        """The bytes that are taken now."""
        return self._taken

    def take(self, count: int) -> None:
        """Take so many bytes; raises `MemoryTakenError`, and takes nothing, where they are not free."""
        with self._lock:
            if self._taken + count > self.limit:
                raise MemoryTakenError(self.limit)
            self._taken += count

    def give_back(self, count: int) -> None:
        """Others may have these bytes."""
        with self._lock:
            self._taken -= count


class Share:
    """What one request has taken; given back at the end of the ``with`` block, however it ends."""

    __slots__ = ("_memory", "taken")

    def __init__(self, memory: RequestMemory):
        self._memory = memory
        self.taken = 0

    def take(self, count: int) -> None:
        """Take more.

        Raises
        ------
        MemoryTakenError
            If so much is not free now.
        TakesTooMuchError
            If it never will be: this request alone would exceed the limit.
        """
        if self.taken + count > self._memory.limit:
            raise TakesTooMuchError(self._memory.limit)
        self._memory.take(count)
        self.taken += count

    def __enter__(self) -> Share:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._memory.give_back(self.taken)
