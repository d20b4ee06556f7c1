"""The home on disk: where it may lie, and that it is its owner's alone.

What lies in it is all that anybody ever sent, and code besides: checkpoints are pickled Python. So the folder is made
with mode 0700, and while a command works, files are made with no right for others either: whoever copies or moves them
out of the folder takes that along.
"""

from __future__ import annotations

import fcntl
import logging
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from unicodedata import category

from infra.errors import AlreadyRunningError, UsageError
from infra.service_client import LOCK

logger = logging.getLogger(__name__)
OWNERS_ALONE = 0o077
"""The umask under which nobody but the owner gets a right."""
_NOT_IN_HOME = "[]*^|\\?"
"""What Delta Lake or DuckDB takes in no path, or takes for a pattern; as it is with what controls and is no text."""
_OURS = frozenset(
    {"log.db", "log.db-shm", "log.db-wal", "up.lock", "sessions.json", "clock.json", "key", "analytics.duckdb"}
    | {"analytics", "aside", "batch", "cache", "checkpoints", "demo", "imports", "replica", "scratch"}
    | {"blobs", "generations", "lake", "log", "rows", "runs"}  # of the store, where that is the home
)
"""What a home holds. A folder that holds anything else may be shared for another purpose."""


def store_folder(text: str) -> Path:
    """The folder of a store that is not the home, as an absolute path; it is made if it is not there.

    Raises
    ------
    UsageError
        As for a home.
    """
    folder = Path(text).expanduser()
    _check_path("ANABRANCH_STORE", folder)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"ANABRANCH_STORE {folder} cannot be made ({error.strerror}); set another") from None
    return folder.resolve()


def prepared(home: Path) -> Path:
    """The home as an absolute path; it is made if it is not there, and closed to others if an earlier release made it.

    Raises
    ------
    UsageError
        If it can lie there not, or cannot be made.
    """
    _check_path("--home", home)
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--home {home} cannot be made ({error.strerror}); pass another") from None
    home = home.resolve()
    if exposure_of(home) is not None and _can_be_closed(home):
        _close(home)
    return home


def _check_path(named: str, folder: Path) -> None:
    for character in str(folder.resolve()):
        if character in _NOT_IN_HOME or category(character) in ("Cc", "Cs"):
            raise UsageError(
                f"{named} {folder} has {character!a} in its path, which Delta Lake and DuckDB cannot take; pass another"
            )


def exposure_of(home: Path) -> str | None:
    """What is wrong with the rights of others to a home, as a sentence; None: they have none."""
    status = home.stat()
    if not status.st_mode & OWNERS_ALONE:
        return None
    owner = "" if status.st_uid == os.geteuid() else f", which belongs to user {status.st_uid},"
    return (
        f"the home {home}{owner} is open to other users of this machine (mode {stat.S_IMODE(status.st_mode):04o});"
        " the files that are made in it are not. Close it with chmod 0700, or pass a --home of its own"
    )


def _can_be_closed(home: Path) -> bool:
    """Whether a folder is ours, and for nothing else: whose home is ``/tmp`` does not mean to shut others out."""
    status = home.stat()
    if status.st_uid != os.geteuid() or status.st_mode & stat.S_ISVTX:
        return False
    return _OURS.issuperset(os.listdir(home))


def _close(home: Path) -> None:
    """Take the rights of others to a home and to what lies in it; deeper down nobody gets then."""
    try:
        home.chmod(0o700)
    except OSError:  # a file system that knows no modes, perhaps; `exposure_of` goes on to tell
        return
    for path in home.iterdir():
        with suppress(OSError):  # it went meanwhile, or is another user's
            if not path.is_symlink():
                path.chmod(stat.S_IMODE(path.stat().st_mode) & ~OWNERS_ALONE)
    logger.info("the home %s was open to other users of this machine; it is its owner's alone now", home)


@contextmanager
def locked_home(home: Path) -> Iterator[None]:
    """Hold the home for this process. The lock goes with the process, however that ends.

    Raises
    ------
    AlreadyRunningError
        If another process serves it, or restores it.
    """
    with (home / LOCK).open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            raise AlreadyRunningError(home, file.read().strip() or "starting") from None
        yield


@contextmanager
def masked(umask: int) -> Iterator[int]:
    """Make files under a umask; what it was before is told, and is put back at the end."""
    before = os.umask(umask)
    try:
        yield before
    finally:
        os.umask(before)
