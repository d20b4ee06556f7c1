"""Merged tiles that are kept, so that a total over many tiles costs a few merges and not one a tile.

Tiles that have ended hardly change: only late events touch them. So aligned groups of them, of `FAN`, `FAN` times `FAN`
and so on, are merged once and kept; a range of tiles is then a few groups and a few single tiles at its ends. Which
ones that are follows from the tiles, the range and the watermark alone, never from what happens to be kept: a total
that is merged from nothing is the same, in the last bit of a float too.

Groups are kept beside the tiles of an epoch, and are no part of the state: a state without them answers the same. The
fold tells what it touches (`ViewGroups.touch`); a group that holds such a tile is forgotten.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import islice
from typing import Any, NamedTuple

from anabranch import View
from anabranch.view import Cells, Key

FAN = 8
LEVELS = 5
"""The largest group has ``FAN ** LEVELS`` tiles: 32,768."""
WORTH_GROUPS = 64
"""A key with fewer tiles in an epoch is merged tile by tile, and nothing is remembered of it."""
Piece = Cells | tuple[Any, ...]
"""Cells, or pieces that are merged in this order."""


class Run(NamedTuple):
    """Neighbouring tiles of a key that are merged together: the tiles at ``[begin, end)`` of its tiles in order."""

    level: int
    number: int
    begin: int
    end: int


@dataclass(slots=True, eq=False)
class Job:
    """A group to be merged, of tiles and groups as they were while the state stood still."""

    groups: KeyGroups
    level: int
    number: int
    parts: Sequence[Cells]


class KeyGroups:
    """The groups of one key in one epoch.

    Parameters
    ----------
    tiles
        The tiles of the key, which the fold goes on to change.
    width
        Of a tile, in microseconds.
    """

    __slots__ = ("_known", "closed", "kept", "order", "tiles", "width")

    def __init__(self, tiles: dict[int, Cells], width: int):
        self.tiles = tiles
        self.width = width
        self.order: list[int] = []
        """The starts of the tiles, ascending."""
        self.kept: list[dict[int, Cells | Job]] = [{} for _ in range(LEVELS + 1)]
        """By level and number, a merged group, or the job that is to make it."""
        self.closed = -(2**63)
        """Before this lie all groups that are kept or in the making."""
        self._known = 0

    def look(self) -> None:
        """Take in the tiles that have come since the last time. None has gone: who removes tiles forgets the groups."""
        new = list(islice(reversed(self.tiles), len(self.tiles) - self._known))
        self._known += len(new)
        if len(new) > _SORTED_IN:
            self.order = sorted(self.tiles)
        else:
            for start in new:
                insort(self.order, start)

    def runs(self, first: int | None, stop: int | None, open_start: int) -> Iterator[Run]:
        """The tiles that start in ``[first, stop)``, as runs; those from `open_start` on, one by one."""
        begin = 0 if first is None else bisect_left(self.order, first)
        end = len(self.order) if stop is None else bisect_left(self.order, stop)
        return self._cut(begin, end, LEVELS, first, open_start if stop is None else min(stop, open_start))

    def parts(self, run: Run) -> Iterator[Run]:
        """The runs that a group is made of."""
        span = self.width * FAN**run.level
        first = run.number * span
        return self._cut(run.begin, run.end, run.level - 1, first, first + span)

    def _cut(self, begin: int, end: int, highest: int, first: int | None, stop: int) -> Iterator[Run]:
        order, width = self.order, self.width
        while begin < end:
            start, span, level = order[begin], width, 0
            while level < highest:
                wider = span * FAN
                low = start - start % wider
                if low + wider > stop or (first is not None and low < first):
                    break
                level, span = level + 1, wider
            number = start // span
            after = begin + 1 if level == 0 else bisect_left(order, (number + 1) * span, begin + 1, end)
            if after == begin + 1:  # a group of one tile is that tile
                level, number = 0, start // width
            yield Run(level, number, begin, after)
            begin = after

    def piece(self, run: Run) -> Piece:
        """What is to be merged for a run: what is kept, else its parts."""
        if run.level == 0:
            return self.tiles[self.order[run.begin]]
        kept = self.kept[run.level].get(run.number)
        return tuple(self.piece(part) for part in self.parts(run)) if kept is None or isinstance(kept, Job) else kept

    def jobs(self, run: Run, most: int) -> Iterator[Job]:
        """Groups of a run that are not kept and whose parts are: at most so many."""
        if run.level == 0 or most <= 0 or not isinstance(self.kept[run.level].get(run.number), Job | None):
            return
        found, ready = 0, True
        parts: list[Cells] = []
        for part in self.parts(run):
            piece = self.piece(part) if not part.level or self._is_kept(part) else ()
            if isinstance(piece, tuple):
                ready = False
                for job in self.jobs(part, most - found):
                    found += 1
                    yield job
            parts += [] if isinstance(piece, tuple) else [piece]
            if found >= most:
                return
        if ready:
            job = Job(self, run.level, run.number, parts)
            self.kept[run.level][run.number] = job
            self.closed = max(self.closed, (run.number + 1) * self.width * FAN**run.level)
            yield job

    def _is_kept(self, run: Run) -> bool:
        return isinstance(self.kept[run.level].get(run.number), list)

    def done(self, job: Job, cells: Cells) -> None:
        """Keep what came of a job, unless the fold has touched one of its tiles meanwhile."""
        if self.kept[job.level].get(job.number) is job:
            self.kept[job.level][job.number] = cells

    def touch(self, start: int) -> None:
        """Forget the groups of a tile that is touched."""
        if start < self.closed:
            span = self.width
            for kept in self.kept[1:]:
                span *= FAN
                kept.pop(start // span, None)


_SORTED_IN = 32


class ViewGroups:
    """The groups of one view in one epoch, by key. All of it happens while the state stands still.

    Parameters
    ----------
    width
        Of a tile, in microseconds.
    """

    def __init__(self, width: int):
        self._width = width
        self._by_key: dict[Key, KeyGroups] = {}

    def of(self, key: Key, tiles: dict[int, Cells]) -> KeyGroups | None:
        """Those of a key, which know all of its tiles; None: it has too few."""
        groups = self._by_key.get(key)
        if groups is None:
            if len(tiles) < WORTH_GROUPS:
                return None
            groups = self._by_key[key] = KeyGroups(tiles, self._width)
        groups.look()
        return groups

    def touch(self, keys: Iterable[Key], starts: Iterable[int]) -> None:
        """The fold has added to these tiles."""
        by_key = self._by_key
        for key, start in zip(keys, starts, strict=True):
            groups = by_key.get(key)
            if groups is not None and start < groups.closed:
                groups.touch(start)


def merged(view: View, piece: Piece) -> Cells:
    """A piece as cells; those that it consists of may be changed."""
    if isinstance(piece, tuple):
        return reduce(view.merge, [merged(view, part) for part in piece], view.zero())
    return piece
