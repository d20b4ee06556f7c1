"""The folder of all generations: which are there, which are open, which go."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

from batch.generation import Generation


class Generations:
    """The generations of a home. Each is opened, and checked, once. Safe to use from many threads."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._lock = threading.Lock()
        self._open: dict[tuple[int, str | None], Generation] = {}

    def get(self, number: int, manifest_sha256: str | None = None) -> Generation:
        """A generation, opened; raises as `Generation.open` does."""
        with self._lock:
            known = self._open.get((number, manifest_sha256))
            if known is None:
                known = self._open[number, manifest_sha256] = Generation.open(self.folder, number, manifest_sha256)
            return known

    def numbers(self) -> list[int]:
        """The numbers of what lies in the folder, published or not, ascending."""
        if not self.folder.is_dir():
            return []
        return sorted(int(path.name) for path in self.folder.iterdir() if path.name.isdecimal())

    def forget(self, keep: int) -> None:
        """Close every generation older than number `keep`."""
        with self._lock:
            for known in [key for key in self._open if key[0] < keep]:
                self._open.pop(known).close()

    def remove_but(self, keep: set[int]) -> list[int]:
        """Remove from disk all but some generations, and what unfinished runs left; returns the numbers removed.

        Only for the holder of the batch lease. A process that has a removed generation open can go on reading it.
        """
        removed = [number for number in self.numbers() if number not in keep]
        for number in removed:
            shutil.rmtree(self.folder / str(number), ignore_errors=True)
        return removed

    def remove_unfinished(self) -> None:
        """Remove what runs that were killed left behind. Only for the holder of the batch lease."""
        for path in self.folder.glob(".run-*"):
            shutil.rmtree(path, ignore_errors=True)

    def workplace(self, run: str) -> Path:
        """A fresh folder for a run, beside the generations, so that publishing is one rename."""
        path = self.folder / f".run-{run}"
        path.mkdir(parents=True)
        return path

    def close(self) -> None:
        """Close all of them."""
        with self._lock:
            for known in self._open.values():
                known.close()
            self._open.clear()
