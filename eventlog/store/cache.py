"""Copies of what is read often from a bucket, in a folder that the processes of a machine share."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from eventlog.durable_files import put_file
from eventlog.registry.lease_holder import is_dead, this_process

CACHE_BYTES = 10_000_000_000
"""How much is kept where nobody says how much."""
GRACE_SECONDS = 10
"""For how long what was just asked for is kept, whatever it takes: so long there is to open it."""
SHARE = 32
"""Whether all fits is looked at when a process has brought this share of the bound."""
ABANDONED_SECONDS = 60
"""After which a file that is being written is looked at: is there anybody who writes it?"""
_PART = ".part"


class Cache:
    """Files by their sha256, bounded: what was not used for longest goes first. Safe for many threads and processes.

    A file is there whole or not at all. One that goes while somebody has it open can be read to its end. What a pin
    names stays, and what was asked for in the last ten seconds, so that it can be opened; meanwhile, and by a file that
    is longer, the bound may be exceeded.

    The folder has the files; ``used/`` tells by the times of empty files when each was last asked for (touching a file
    itself would look as if it had been changed); ``pins/`` has the pins; ``lock`` is held by whoever removes or pins.

    Parameters
    ----------
    folder
        Made when the first file comes.
    bound
        How many bytes the files take together.
    """

    def __init__(self, folder: Path, bound: int = CACHE_BYTES):
        self.folder = folder
        self.bound = bound
        self._unseen = bound  # bytes that came since this process last looked whether all fits
        self._noted: dict[str, float] = {}

    def find(self, sha256: str) -> Path | None:
        """The file of a digest, which is not dropped in the next seconds; None: it is not here."""
        path = self.folder / sha256
        if not path.is_file():
            return None
        self._use(sha256)
        return path if path.is_file() else None  # it was dropped before it was noted, or not at all

    @contextmanager
    def writing(self, sha256: str) -> Iterator[Path]:
        """A file of one's own to write to, which is nobody's when the block ends and `keep` did not take it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f".{sha256}.{uuid4().hex}{_PART}"
        with path.open("wb") as held:
            fcntl.flock(held, fcntl.LOCK_EX)  # ends with the process, so that others know
            try:
                yield path
            finally:
                path.unlink(missing_ok=True)

    def keep(self, sha256: str, written: Path) -> Path:
        """Take a whole file in under its digest, which was held against it, and make room for it."""
        path = self.folder / sha256
        self._use(sha256)
        self._unseen += written.stat().st_size
        written.replace(path)
        if self._unseen >= self.bound // SHARE:  # looking at each of ten thousand files that come would take minutes
            self._make_room()
        return path

    def drop(self, sha256: str) -> None:
        """Remove a file that is not what it should be."""
        (self.folder / sha256).unlink(missing_ok=True)

    def pin(self, owner: str, digests: Iterable[str], *, lasting: bool = False) -> None:
        """Say which files must stay. It replaces what this owner said before; pin first, then fetch.

        Parameters
        ----------
        owner
            Who needs them, as a name for a file.
        lasting
            Whether it holds when this process is gone, until somebody replaces it.
        """
        said = {"process": None if lasting else this_process(), "digests": sorted(set(digests))}
        pins = self.folder / "pins"
        with self._alone():
            pins.mkdir(exist_ok=True)
            if said["digests"]:
                put_file(pins / f"{owner}.json", json.dumps(said).encode(), durable=False)
            else:
                (pins / f"{owner}.json").unlink(missing_ok=True)

    def _use(self, sha256: str) -> None:
        """Note that a file is wanted now; a note too few drops it early, which costs another fetch at most."""
        now = time.monotonic()
        if now - self._noted.get(sha256, -GRACE_SECONDS) < GRACE_SECONDS / 4:
            return
        note = self.folder / "used" / sha256
        with suppress(OSError):
            note.parent.mkdir(parents=True, exist_ok=True)
            note.touch()
            self._noted[sha256] = now

    def _make_room(self) -> None:
        with self._alone():
            self._unseen = 0
            files = self._files()
            excess = sum(size for _, size in files.values()) - self.bound
            if excess > 0:
                excess += self.bound // SHARE  # so that all fits for a while
                pinned = self._pinned()
                latest = time.time() - GRACE_SECONDS
                for name, (used, size) in sorted(files.items(), key=lambda item: item[1]):
                    if excess <= 0 or used > latest:
                        break
                    if name not in pinned:
                        (self.folder / name).unlink(missing_ok=True)
                        (self.folder / "used" / name).unlink(missing_ok=True)
                        self._noted.pop(name, None)
                        excess -= size

    def _files(self) -> dict[str, tuple[float, int]]:
        """When each file was last used, and its bytes; what a killed process left half written is removed."""
        files = {}
        with os.scandir(self.folder) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):  # it goes while we look
                    if entry.name.endswith(_PART):
                        _remove_if_abandoned(Path(entry.path))
                    elif len(entry.name) == 64:
                        found = entry.stat()
                        files[entry.name] = self._used(entry.name, found.st_mtime), found.st_size
        return files

    def _used(self, name: str, fetched: float) -> float:
        try:
            return (self.folder / "used" / name).stat().st_mtime
        except OSError:
            return fetched

    def _pinned(self) -> set[str]:
        """What must stay; the pins of processes that are gone are removed."""
        pinned: set[str] = set()
        for path in (self.folder / "pins").glob("*.json"):
            try:
                said = json.loads(path.read_bytes())
                gone = said["process"] is not None and is_dead(said["process"])
                pinned.update(() if gone else said["digests"])
            except (OSError, ValueError, KeyError, TypeError):
                gone = True  # torn by a power cut; its owner pins anew when it comes back
            if gone:
                path.unlink(missing_ok=True)
        return pinned

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Of all processes, one at a time; what is done meanwhile takes milliseconds."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("wb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _remove_if_abandoned(part: Path) -> None:
    """Remove what nobody writes to any more. A young one may be about to be locked."""
    if time.time() - part.stat().st_mtime < ABANDONED_SECONDS:
        return
    with part.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return
        part.unlink(missing_ok=True)
