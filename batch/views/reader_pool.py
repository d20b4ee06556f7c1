"""Readers of the indexes of one view: as many as read at once, not one for every thread that ever did."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Condition

from anabranch.view import View
from batch.errors import CorruptGenerationError
from batch.views.index_file import IndexReader, connect
from batch.views.layered_reader import LayeredReader
from batch.views.layers import LayerSize
from eventlog.store.errors import StoreUnavailableError

IDLE_MOST = 8
"""Readers that are kept open while nobody reads."""
_WAIT_SECONDS = 30.0
_PASSING = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM)


TileReader = IndexReader | LayeredReader
_Opened = tuple[list[sqlite3.Connection], TileReader]
"""What has to be closed, and a reader."""


class ReaderPool:
    """Lends readers of the tiles of a view. Safe to use from many threads.

    The first is opened at once. So what is open can be read on when the file is removed: if another reader cannot be
    opened any more, who wants one waits for one that is lent.

    Parameters
    ----------
    paths
        The index file of every layer, the newest first.
    view
        What they are the indexes of.
    sizes
        Of the layers; none: nothing is known of them.

    Raises
    ------
    CorruptGenerationError
        If a file is not there, or is no index.
    eventlog.store.errors.StoreUnavailableError
        If one cannot be opened now: there are too many open files, say.
    """

    def __init__(self, paths: Sequence[Path], view: View, sizes: Sequence[LayerSize] = ()):
        self._paths = paths
        self._view = view
        self._sizes = sizes or [LayerSize(0)] * len(paths)
        self._idle: list[_Opened] = []
        self._lent = 0
        self._closed = False
        self._changed = Condition()
        self._idle.append(self._opened())

    @contextmanager
    def lent(self) -> Iterator[TileReader]:
        """A reader that nobody else uses meanwhile."""
        opened = self._take()
        try:
            yield opened[1]
        finally:
            self._give_back(opened)

    @property
    def open(self) -> int:
        """How many readers are open."""
        with self._changed:
            return self._lent + len(self._idle)

    def close(self) -> None:
        """Close what is not lent; the rest closes when it is given back, so that long reads end in peace."""
        with self._changed:
            self._closed = True
            idle, self._idle = self._idle, []
            self._changed.notify_all()
        for connections, _ in idle:
            _close(connections)

    def _take(self) -> _Opened:
        with self._changed:
            while not self._closed:
                if self._idle:
                    self._lent += 1
                    return self._idle.pop()
                try:
                    opened = self._opened()
                except (CorruptGenerationError, StoreUnavailableError):
                    if not self._lent or not self._changed.wait(_WAIT_SECONDS):
                        raise
                    continue
                self._lent += 1
                return opened
        raise CorruptGenerationError(f"the index {self._paths[0]}", "it was closed: a newer one has replaced it")

    def _give_back(self, opened: _Opened) -> None:
        with self._changed:
            self._lent -= 1
            if not self._closed and len(self._idle) < IDLE_MOST:
                self._idle.append(opened)
                self._changed.notify()
                return
        _close(opened[0])

    def _opened(self) -> _Opened:
        connections: list[sqlite3.Connection] = []
        try:
            connections.extend(map(_connected, self._paths))
        except BaseException:
            _close(connections)
            raise
        readers = [IndexReader(connection, self._view) for connection in connections]
        if len(readers) == 1:  # the usual case, which pays nothing for the other
            return connections, readers[0]
        return connections, LayeredReader(list(zip(readers, self._sizes, strict=True)))


def _connected(path: Path) -> sqlite3.Connection:
    try:
        return connect(path)
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in _PASSING and path.exists():
            raise StoreUnavailableError(str(path.parent), path.name, error) from error
        raise CorruptGenerationError(f"the index {path}", f"it cannot be opened ({error})") from None


def _close(connections: Sequence[sqlite3.Connection]) -> None:
    for connection in connections:
        connection.close()
