"""The exclusive prefix-merge: what every slice of the log may build on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def scan(previous: T, deltas: Iterable[T], merge: Callable[[T, T], T]) -> Iterator[T]:
    """The state at the start of every slice, and after the last: one more than there are deltas.

    It is legal for anything that merges associatively (Blelloch, *Prefix sums and their applications*, 1990). A
    batch run scans *references* to tables of tiles, whose merge is concatenation, and only makes the tables that
    somebody asks for: for views that is the last one, which is published.

    >>> list(scan((), [("a",), ("b",)], lambda some, more: some + more))
    [(), ('a',), ('a', 'b')]

    Parameters
    ----------
    previous
        The state at the start of the first slice.
    deltas
        What each slice adds, in the order of the log.
    merge
        Must leave its first argument as it is: a prefix that was yielded stays valid.
    """
    prefix = previous
    yield prefix
    for delta in deltas:
        prefix = merge(prefix, delta)
        yield prefix
