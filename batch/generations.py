"""The folder of all generations: which are there, which are open, which go."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from batch.errors import GenerationError
from batch.generation import Generation
from eventlog.decisions import Publication
from eventlog.home_key import HomeKey

KEPT_GENERATIONS = 3
"""The newest so many stay on disk: a service may read one, and the next run may build on one before."""


class Generations:
    """The generations of a home. Each is opened, and checked, once. Safe to use from many threads.

    Attributes
    ----------
    folder
        Where they are.
    pickles
        As for `Generation.open`.
    """

    def __init__(self, folder: Path, pickles: HomeKey | None = None):
        self.folder = folder
        self.pickles = pickles
        self._lock = threading.Lock()
        """Of the dictionary of those that are open; never held while a file is read."""
        self._checking = threading.Lock()
        self._open: dict[tuple[int, str | None], Generation] = {}

    def get(self, number: int, manifest_sha256: str | None = None) -> Generation:
        """A generation, opened; raises as `Generation.open` does.

        One that is open is there at once, also while another is checked: that takes seconds for each gigabyte.
        """
        wanted = (number, manifest_sha256)
        known = self._open.get(wanted)
        if known is not None:
            return known
        with self._checking:
            known = self._open.get(wanted)
            if known is None:
                known = Generation.open(self.folder, number, manifest_sha256, self.pickles)
                with self._lock:
                    self._open[wanted] = known
            return known

    def numbers(self) -> list[int]:
        """The numbers of what lies in the folder, published or not, ascending."""
        if not self.folder.is_dir():
            return []
        return sorted(int(path.name) for path in self.folder.iterdir() if path.name.isdecimal())

    def base(self, known: Sequence[Publication], problem: Callable[[str], None]) -> Generation | None:
        """The newest that is intact.

        Parameters
        ----------
        known
            All publications, the newest first.
        problem
            Told of every one that is not.
        """
        for publication in known[:KEPT_GENERATIONS]:
            try:
                return self.get(publication.generation, publication.manifest_sha256)
            except GenerationError as error:
                problem(f"generation {publication.generation} cannot be used: {error}")
        return None

    def peeked(self, known: Sequence[Publication]) -> list[Generation]:
        """Those that may have versions of models to carry, the newest first, without their views."""
        found = []
        for publication in known[:KEPT_GENERATIONS]:
            with suppress(GenerationError):  # told when it was tried as a base
                found.append(Generation.peek(self.folder, publication.generation, publication.manifest_sha256))
        return found

    def forget(self, keep: int) -> None:
        """Close every generation older than number `keep`."""
        with self._lock:
            old = [self._open.pop(key) for key in list(self._open) if key[0] < keep]
        for generation in old:
            generation.close()

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
            opened, self._open = self._open, {}
        for generation in opened.values():
            generation.close()
