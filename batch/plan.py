"""What a batch run has to fold: pure decisions, no IO."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Protocol

from anabranch.view import View


@dataclass(frozen=True, slots=True, order=True)
class Slice:
    """The records ``start`` .. ``end`` (not included) of the log, of all streams."""

    start: int
    end: int
    without: tuple[int, ...] = ()
    """Offsets of records in it that were taken out of the log: they are passed over."""

    def leaving_out(self, retracted: Iterable[int]) -> Slice:
        """The same slice without what was taken out of the log."""
        return Slice(self.start, self.end, tuple(sorted(n for n in retracted if self.start <= n < self.end)))


class BaseGeneration(Protocol):
    """A generation, as far as planning looks at it."""

    @property
    def end(self) -> int:
        """The first offset that it does not cover."""
        ...

    def extends(self, view: View) -> bool:
        """Whether new events can be merged into what it holds of the view."""
        ...


@dataclass(frozen=True, slots=True)
class ViewGroup:
    """Some views of one stream that fold the same slices.

    Attributes
    ----------
    stream
        The name of the stream.
    views
        The names of the views: any number that need Python (they share the decoding), or a single one in SQL.
    start
        The offset from which on there is something to fold: 0, or where the last generation ends.
    """

    stream: str
    views: tuple[str, ...]
    start: int

    @property
    def incremental(self) -> bool:
        """Whether the result merges into the last generation."""
        return self.start > 0


def plan(views: Iterable[View], base: BaseGeneration | None) -> list[ViewGroup]:
    """Which views fold from where.

    A view goes on where `base` ends if `base` holds it by the same definition. Every other view starts at 0.
    """
    found: list[ViewGroup] = []
    in_python: list[tuple[str, int, str]] = []
    for view in views:
        start = base.end if base is not None and base.extends(view) else 0
        if view.vectorised:
            found.append(ViewGroup(view.of.name, (view.name,), start))
        else:
            in_python.append((view.of.name, start, view.name))
    for (stream, start), members in groupby(sorted(in_python), key=lambda entry: entry[:2]):
        found.append(ViewGroup(stream, tuple(name for _, _, name in members), start))
    return found


def slices(
    start: int, end: int, slice_records: int, multiple_of: int = 1, worth_a_task: int | None = None
) -> Iterator[Slice]:
    """Cut ``[start, end)`` into equal slices of at most `slice_records` records.

    Parameters
    ----------
    multiple_of
        The number of workers: their number of slices is a multiple of it where the slices stay worth a task, so
        that no worker waits for another's last slice.
    worth_a_task
        Records below which a slice is not divided further for that; None: `WORTH_A_TASK`.

    >>> list(slices(0, 10, 4))
    [Slice(start=0, end=3), Slice(start=3, end=6), Slice(start=6, end=10)]
    """
    total = end - start
    if total <= 0:
        return
    count = -(-total // slice_records)
    if total >= (worth_a_task or WORTH_A_TASK) * multiple_of:
        count = -(-count // multiple_of) * multiple_of
    edges = [start + total * index // count for index in range(count + 1)]
    for low, high in pairwise(edges):
        yield Slice(low, high)


def aligned(edges: Iterable[int], slice_records: int, multiple_of: int = 1) -> Iterator[Slice]:
    """Slices between edges: replay slices begin where slices of views end, and where rows that are kept end.

    >>> list(aligned([7, 0, 5], 4))
    [Slice(start=0, end=2), Slice(start=2, end=5), Slice(start=5, end=7)]
    """
    for low, high in pairwise(sorted(set(edges))):
        yield from slices(low, high, slice_records, multiple_of, WORTH_A_REPLAY)


def ranges(parts: Sequence[Slice], count: int) -> Iterator[tuple[Slice, ...]]:
    """Consecutive slices in at most `count` groups of nearly equal length.

    >>> [len(found) for found in ranges([Slice(n, n + 1) for n in range(7)], 3)]
    [2, 2, 3]
    """
    count = min(count, len(parts))
    edges = [len(parts) * index // count for index in range(count + 1)] if count else []
    for low, high in pairwise(edges):
        yield tuple(parts[low:high])


WORTH_A_REPLAY = 10_000
WORTH_A_TASK = 100_000
"""Records below which a slice is not divided further, only to keep a worker busy: of a replay, and of a fold."""
