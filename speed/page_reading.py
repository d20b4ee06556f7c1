"""Reading tiles in steps, none of which holds the fold up for longer than it takes to copy a page.

Three things would take long while the state stands still, and are done before or in between instead:

- *Passing over keys* that have nothing in a range of time. They are looked at some at a time; those that the fold
  touches meanwhile are looked at again in the last step, so that the page is that of one cut.
- *Sorting in* keys that are new: see `speed.key_index`.
- *Merging* many tiles of a key to one total. What is not kept yet (see `speed.tile_groups`) is copied some at a time,
  and merged while the fold goes on.
"""

from __future__ import annotations

import marshal
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import islice
from typing import Any

from anabranch import View
from anabranch.view import Cells, Key, key_order
from eventlog.decisions import Publication
from speed.key_index import KeyIndex, in_order, matches
from speed.reader import Choose, SpeedTiles
from speed.state import Epoch, SpeedState
from speed.tile_groups import Job, merged
from speed.tile_selection import Place, TileSelection, groups_of, starts_of, take

NEW_KEYS_AT_ONCE = 1_000
"""So many keys are sorted in while the state stands still; more are sorted in before."""
LOOKED_AT_ONCE = 2_000
TILES_AT_ONCE = 20_000
"""So many keys are looked at while the state stands still, and about so many tiles of theirs."""
JOBS_AT_ONCE = 500
"""So many groups are copied while the state stands still, each of `speed.tile_groups.FAN` tiles at most."""
ROUNDS_MOST = 1_000
"""After so many steps of one kind the rest is done at once: a fold that is quicker must not keep a reader for ever."""
Holding = Callable[[], AbstractContextManager[SpeedState]]
"""Has the state stand still."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for; see `speed.reader.SpeedReader.tiles`."""

    view: View
    keys: Mapping[str, Any]
    place: Place | None
    choose: Choose
    publication: Publication | None

    def selection(self, state: SpeedState) -> TileSelection | None:
        """Which tiles are wanted now; None: none can be there."""
        return self.choose(state.watermarks.get(self.view.of.name))

    def taken(self, state: SpeedState, keys: Iterable[Key] | None) -> SpeedTiles | None:
        """The tiles of some keys, which are in order; None for `keys`: none are asked for."""
        if state.publication != self.publication:
            return None
        selection = self.selection(state)
        if selection is None or keys is None:
            return SpeedTiles(state.cut, selection, None)
        return SpeedTiles(state.cut, selection, take(self.view, state.epochs, selection, keys))


def read_keys(holding: Holding, asked: Asked, keys: Sequence[Key], last: LastLook | None = None) -> SpeedTiles | None:
    """The tiles of some keys, which are in order, at one cut.

    Parameters
    ----------
    last
        Says, when the tiles are taken, which keys belong to them besides; None: none do.
    """
    merging = _Merging(asked, keys)
    for _ in range(ROUNDS_MOST):
        with holding() as state:
            jobs = merging.next_jobs(state)
            if not jobs:
                return asked.taken(state, keys if last is None else last.keys(state, keys))
            copies = marshal.dumps([list(job.parts) for job in jobs])
        merging.work(jobs, copies)
    with holding() as state:
        return asked.taken(state, keys if last is None else last.keys(state, keys))


class _Merging:
    """Has the groups of some keys merged that a total of them asks for."""

    def __init__(self, asked: Asked, keys: Sequence[Key]):
        self._asked = asked
        self._keys = keys
        self._at = 0
        self._done: list[tuple[Job, Cells]] = []

    def next_jobs(self, state: SpeedState) -> list[Job]:
        """What is to be merged next; none, if nothing is missing. What `work` has made is kept from here on."""
        for job, cells in self._done:
            job.groups.done(job, cells)
        self._done = []
        selection = self._asked.selection(state)
        if selection is None or not selection.total or state.publication != self._asked.publication:
            return []
        jobs: list[Job] = []
        at = self._at
        while at < len(self._keys) and len(jobs) < JOBS_AT_ONCE:
            found = list(islice(self._jobs_of(state, selection, self._keys[at]), JOBS_AT_ONCE - len(jobs)))
            at += 1
            if found:
                jobs += found
            elif self._at == at - 1:  # nothing is missing of the first of them any more
                self._at = at
        return jobs

    def _jobs_of(self, state: SpeedState, selection: TileSelection, key: Key) -> Iterator[Job]:
        view = self._asked.view
        for epoch in state.epochs:
            tiles = epoch.tiles.get(view.name, {}).get(key)
            groups = None if tiles is None else groups_of(view, epoch, key, tiles)
            if groups is not None:
                for run in groups.runs(selection.first, selection.stop, selection.open_start):
                    yield from groups.jobs(run, JOBS_AT_ONCE)

    def work(self, jobs: Sequence[Job], copies: bytes) -> None:
        """Merge; the fold goes on meanwhile."""
        view = self._asked.view
        self._done = [(job, merged(view, tuple(parts))) for job, parts in zip(jobs, marshal.loads(copies), strict=True)]


# many keys


class EpochsChangedError(Exception):
    """Epochs came or went in between: what was looked at says nothing any more."""


class LastLook:
    """Which keys belong to a page besides those that were found: what the fold has touched since.

    Parameters
    ----------
    index
        Knows the keys; it is brought up to date.
    touched
        Grows with every key that the fold touches.
    epochs
        Those that were looked at.
    """

    def __init__(self, index: KeyIndex, asked: Asked, touched: set[Key], epochs: Sequence[Epoch]):
        self._index = index
        self._asked = asked
        self._touched = touched
        self._epochs = epochs
        self.end: Key | None = None
        """The last key that was looked at; None: all were."""

    def check(self, state: SpeedState) -> None:
        """Raise `EpochsChangedError` if the epochs are not those that were looked at."""
        if list(map(id, state.epochs)) != list(map(id, self._epochs)):
            raise EpochsChangedError

    def keys(self, state: SpeedState, found: Sequence[Key]) -> Sequence[Key]:
        """What was found, and what was touched meanwhile up to where was looked."""
        self.check(state)
        known = set(found)
        more = [key for key in self._touched if key not in known and self._belongs(key)]
        return in_order([*found, *more]) if more else found

    def _belongs(self, key: Key) -> bool:
        asked, order = self._asked, key_order(key)
        if asked.place is not None and order < key_order(asked.place[0]):
            return False
        if self.end is not None and order > key_order(self.end):
            return False  # the next page finds it
        return matches(key, asked.view.key_fields, asked.keys)


def read_many(holding: Holding, index: KeyIndex, asked: Asked) -> SpeedTiles | None:
    """The tiles of one page of all keys that have some values; the index is locked by who calls.

    Raises
    ------
    EpochsChangedError
        If epochs came or went meanwhile; ask again.
    """
    with holding() as state:
        epochs, touches = list(state.epochs), state.touches
    with touches.following(asked.view.name) as touched:
        last = LastLook(index, asked, touched, epochs)
        for _ in range(ROUNDS_MOST):
            with holding() as state:
                last.check(state)
                new = index.take_new(state)
            index.add(new)
            if len(new) <= NEW_KEYS_AT_ONCE:  # the others are among what is touched
                break
        unseen = index.wanted(asked.keys, asked.place)
        found: list[Key] = []
        while True:
            more = _look(holding, asked, last, unseen, found)
            taken = read_keys(holding, asked, found, last)
            if not more or taken is None or taken.selection is None or taken.taken is None:
                return taken
            if len(taken.taken.places) >= taken.selection.limit:
                return taken


def _look(holding: Holding, asked: Asked, last: LastLook, unseen: Iterator[Key], found: list[Key]) -> bool:
    """Add keys that have wanted tiles to `found`, as many as fill a page; False: there are no more."""
    view, rows = asked.view, 0
    while True:
        with holding() as state:
            last.check(state)
            selection = asked.selection(state)
            if selection is None:
                return False
            layers = [epoch.tiles[view.name] for epoch in state.epochs if view.name in epoch.tiles]
            looked = tiles = 0
            for key in islice(unseen, LOOKED_AT_ONCE):
                looked += 1
                last.end = key
                parts = [of_layer[key] for of_layer in layers if key in of_layer]
                wanted = _rows_of(view, parts, selection, key)
                if wanted:
                    found.append(key)
                    rows += wanted
                    if rows >= selection.limit:
                        return True
                tiles += sum(map(len, parts))
                if tiles >= TILES_AT_ONCE:
                    break
        if not looked:
            last.end = None
            return False


def _rows_of(view: View, parts: Sequence[Mapping[int, Cells]], selection: TileSelection, key: Key) -> int:
    """How many rows of a page a key makes, as far as can be told now."""
    if not parts:
        return 0
    if selection.place is not None and selection.place[0] == key:
        return int(not selection.total)  # some of its tiles were on the page before: it is looked at, and counts little
    if selection.total and selection.first is None and selection.stop is None:
        return 1
    count = len(starts_of(view, parts, selection))
    return min(count, 1) if selection.total else count
