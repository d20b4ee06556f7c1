"""Readers of one index file: as many as read at once, not one for every thread that ever did."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Condition

from anabranch.view import View
from batch.errors import CorruptGenerationError
from batch.views.index_file import IndexReader, connect
from eventlog.store.errors import StoreUnavailableError

IDLE_MOST = 8
"""Readers that are kept open while nobody reads."""
_WAIT_SECONDS = 30.0
_PASSING = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM)


class ReaderPool:
    """Lends readers of the index of a view. Safe to use from many threads.

    The first is opened at once. So what is open can be read on when the file is removed: if another reader cannot be
    opened any more, who wants one waits for one that is lent.

    Parameters
    ----------
    path
        The index file.
    view
        What it is the index of.

    Raises
    ------
    CorruptGenerationError
        If the file is not there, or is no index.
    eventlog.store.errors.StoreUnavailableError
        If it cannot be opened now: there are too many open files, say.
    """

    def __init__(self, path: Path, view: View):
        self._path = path
        self._view = view
        self._idle: list[tuple[sqlite3.Connection, IndexReader]] = []
        self._lent = 0
        self._closed = False
        self._changed = Condition()
        self._idle.append(self._opened())

    @contextmanager
    def lent(self) -> Iterator[IndexReader]:
        """A reader that nobody else uses meanwhile."""
        connection, reader = self._take()
        try:
            yield reader
        finally:
            self._give_back(connection, reader)

    @property
    def open(self) -> int:
        """How many files are open."""
        with self._changed:
            return self._lent + len(self._idle)

    def close(self) -> None:
        """Close what is not lent; the rest closes when it is given back, so that long reads end in peace."""
        with self._changed:
            self._closed = True
            idle, self._idle = self._idle, []
            self._changed.notify_all()
        for connection, _ in idle:
            connection.close()

    def _take(self) -> tuple[sqlite3.Connection, IndexReader]:
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
        raise CorruptGenerationError(f"the index {self._path}", "it was closed: a newer one has replaced it")

    def _give_back(self, connection: sqlite3.Connection, reader: IndexReader) -> None:
        with self._changed:
            self._lent -= 1
            if not self._closed and len(self._idle) < IDLE_MOST:
                self._idle.append((connection, reader))
                self._changed.notify()
                return
        connection.close()

    def _opened(self) -> tuple[sqlite3.Connection, IndexReader]:
        try:
            connection = connect(self._path)
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in _PASSING and self._path.exists():
                raise StoreUnavailableError(str(self._path.parent), self._path.name, error) from error
            raise CorruptGenerationError(f"the index {self._path}", f"it cannot be opened ({error})") from None
        return connection, IndexReader(connection, self._view)
