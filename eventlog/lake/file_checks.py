"""Which files of the lake this process has checked: each once, before anything is made of what it holds."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

from eventlog.errors import LakeDamagedError
from eventlog.lake.data_file import DataFile

_THREADS = max(min((os.cpu_count() or 1) // 2, 4), 1)
"""Hashing lets go of Python's lock; more than this the disk seldom gives."""
Signature = tuple[int, int, int, int]


class FileChecks:
    """Checks files, and remembers which were sound. One that was written to since is checked again.

    A disk that alters a file behind the file system's back is found out by the next process: every batch run is one.
    Safe to use from many threads.
    """

    def __init__(self) -> None:
        self._sound: dict[str, Signature] = {}
        self._begin: Callable[[DataFile], None] | None = None
        """What begins to check a file, within `meanwhile`."""

    def check(self, files: Collection[DataFile]) -> None:
        """Check those that were not checked yet, every byte of them; within `meanwhile`, begin to.

        Raises
        ------
        LakeDamagedError
            For the first that is not the file that was written.
        """
        waiting = [file for file in files if not self._is_sound(file)]
        if self._begin is not None:
            for file in waiting:
                file.check_size()
                self._begin(file)
        elif len(waiting) > 1:
            with ThreadPoolExecutor(_THREADS) as threads:
                list(threads.map(self._check, waiting))
        elif waiting:
            self._check(waiting[0])

    @contextmanager
    def meanwhile(self) -> Iterator[None]:
        """Check files while work goes on that reads them already, and is worth nothing if one is damaged.

        At the end every check has come to its own. What the work itself raised is told only if the files are sound.

        Raises
        ------
        LakeDamagedError
            At the end, for a file that is not the one that was written.
        """
        checks: dict[str, Future[None]] = {}
        threads = ThreadPoolExecutor(_THREADS)

        def begin(file: DataFile) -> None:
            if str(file.path) not in checks:
                checks[str(file.path)] = threads.submit(self._check, file)

        self._begin = begin
        try:
            try:
                yield
            except Exception as error:
                for check in checks.values():
                    damage = check.exception()
                    if isinstance(damage, LakeDamagedError):
                        raise damage from error
                raise
            for check in checks.values():
                check.result()
        finally:
            self._begin = None
            threads.shutdown(cancel_futures=True)

    def _check(self, file: DataFile) -> None:
        before = _signature(file)
        file.check()
        if before is not None:
            self._sound[str(file.path)] = before

    def _is_sound(self, file: DataFile) -> bool:
        known = self._sound.get(str(file.path))
        return known is not None and known == _signature(file)


def _signature(file: DataFile) -> Signature | None:
    """What changes when a file is replaced or written to; None: it is not there."""
    try:
        found = os.stat(file.path)
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
