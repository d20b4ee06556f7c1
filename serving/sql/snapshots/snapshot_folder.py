"""The folder of the files of snapshots: how they are named, and when they go.

A file is written once and never changed. It goes when no snapshot needs it that anybody may still have open: the
newest one, those in use, and what was published in the last few minutes.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

KEPT_SECONDS = 300.0
"""How long a published snapshot can be read after another one took its place."""


@dataclass(slots=True)
class HeldSnapshot:
    """A snapshot, and since when it is not the newest any more."""

    files: frozenset[Path]
    published: bool
    retired: float | None = None


@dataclass
class SnapshotFolder:
    """The files of one writer of snapshots.

    Parameters
    ----------
    root
        Where every writer has a folder of its own.
    name
        The name of this one's.
    now
        Seconds, of a clock that only goes forward.
    """

    root: Path
    name: str
    now: float
    _held: dict[str, HeldSnapshot] = field(default_factory=dict)
    _numbers: Iterable[int] = field(default_factory=count)
    _begun: float = 0.0

    def __post_init__(self) -> None:
        self.path = self.root / self.name
        self.path.mkdir(parents=True)
        self._begun = self.now

    def new(self, name: str, suffix: str = ".parquet") -> Path:
        """A path that was never used."""
        return self.path / f"{name}-{next(iter(self._numbers))}{suffix}"

    def link(self, file: Path, name: str) -> Path:
        """The same file under a path of ours, so that it stays while its own is removed.

        Where the file system cannot do that, its own path.
        """
        path = self.path / name
        try:
            os.link(file, path)
        except FileExistsError:
            return path
        except OSError:
            return file
        return path

    def hold(self, snapshot: str, files: Iterable[Path], *, published: bool) -> None:
        """Keep the files of a snapshot, which is the newest now."""
        for held in self._held.values():
            held.retired = self.now if held.retired is None else held.retired
        self._held[snapshot] = HeldSnapshot(frozenset(files), published)

    def tidy(self, in_use: Collection[str]) -> None:
        """Remove what no snapshot needs any more.

        Parameters
        ----------
        in_use
            Snapshots that somebody reads.
        """
        for snapshot, held in [*self._held.items()]:
            if held.retired is None or snapshot in in_use:
                continue
            if not held.published or self.now - held.retired > KEPT_SECONDS:
                del self._held[snapshot]
        needed = frozenset().union(*(held.files for held in self._held.values()))
        for path in [*self.path.iterdir()]:
            if path not in needed:
                path.unlink(missing_ok=True)
        if self.now - self._begun > KEPT_SECONDS:
            self._remove_others()

    def _remove_others(self) -> None:
        """Remove what earlier writers left: their last snapshot was replaced when ours began."""
        for path in self.root.iterdir():
            if path.name != self.name:
                shutil.rmtree(path, ignore_errors=True)
