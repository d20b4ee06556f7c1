"""Forgetting the tiles that `keep` hides for good. Answers do not change by it, only the memory that they take.

All keys are looked at, without the lock: only the thread of the fold changes tiles, and it is the one that looks. What
has expired is then removed piece by piece, so that nobody who reads waits for more than one of them. Between two pieces
some expired tiles are there and some are not; no answer shows either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

from anabranch import App
from anabranch.view import Key, Tiles
from speed.state import Epoch, SpeedState

PIECE_KEYS = 1_000
"""Keys of which tiles are removed at a time."""


@dataclass(frozen=True, slots=True)
class _Expired:
    """Keys of a view, in one epoch, that have tiles which start before `oldest`."""

    epoch: Epoch
    view: str
    tiles: Tiles
    keys: list[Key]
    oldest: int


class Expiry:
    """Knows what was looked for already.

    Parameters
    ----------
    app
        Whose views say how long they are kept.
    """

    def __init__(self, app: App):
        self._app = app
        self._oldest: dict[str, int] = {}

    def drop_expired(self, state: SpeedState, changing: Callable[[], AbstractContextManager[object]]) -> int:
        """Drop what has expired since the last time, and return how many tiles that was.

        An event that comes so late that its tile has expired already stays until the next tile expires.

        Parameters
        ----------
        state
            Who calls is the only one who changes it.
        changing
            Keeps others from reading it while a piece is removed.
        """
        dropped = 0
        for expired in self._pieces(state):
            with changing():
                dropped += _remove(expired)
        return dropped

    def _pieces(self, state: SpeedState) -> Iterator[_Expired]:
        for view in self._app.views.values():
            oldest = view.oldest_kept(state.watermarks.get(view.of.name))
            if oldest is None or oldest == self._oldest.get(view.name):
                continue  # the clock has not passed another tile since: there is nothing new to find
            self._oldest[view.name] = oldest
            for epoch in state.epochs:
                tiles = epoch.tiles.get(view.name, {})
                keys = [key for key, by_start in tiles.items() if min(by_start) < oldest]
                for begin in range(0, len(keys), PIECE_KEYS):
                    yield _Expired(epoch, view.name, tiles, keys[begin : begin + PIECE_KEYS], oldest)


def _remove(expired: _Expired) -> int:
    tiles, dropped = expired.tiles, 0
    expired.epoch.groups.pop(expired.view, None)  # they would keep what goes, and know it by its number
    for key in expired.keys:
        by_start = tiles[key]
        starts = [start for start in by_start if start < expired.oldest]
        for start in starts:
            del by_start[start]
        dropped += len(starts)
        if not by_start:
            del tiles[key]
            expired.epoch.removed_keys[expired.view] += 1
    return dropped
