"""What workers get of a store and hand to each other through it: no two of them need see the same folder."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from uuid import uuid4

from batch.run_place import is_earlier
from eventlog.store import Store
from eventlog.store.address import StoreAddress
from eventlog.store.blobs import Blob, Blobs, digest_of
from eventlog.store.store import RUNS

_FETCHES = 8
"""At a time, from a store that is no folder: each waits most of its time."""
_TRIES = 5


@dataclass(frozen=True, slots=True)
class Exchange:
    """The place of one run in a store; it travels with the tasks.

    Attributes
    ----------
    store
        Where it is.
    run
        The name of the run.
    scratch
        The folder of the run on its own machine, for what is only needed meanwhile.
    """

    store: StoreAddress
    run: str
    scratch: str

    @classmethod
    def of(cls, blobs: Blobs, run: str, scratch: Path) -> Self:
        """The place of a run in the store of these blobs."""
        return cls(StoreAddress.of(blobs), run, str(scratch.absolute()))

    def put(self, file: Path, name: str) -> Blob:
        """Hand a file on, which nobody changes afterwards. It goes with the run, or with a power cut.

        Doing it twice does no harm: of two workers with the same task each hands on its own.
        """
        sha256, size = digest_of(file)
        blob = Blob(sha256, size, f"{RUNS}/{self.run}/{name}-{uuid4().hex[:12]}")
        self.store.opened().store.create(blob.name, file, durable=False)
        return blob

    def files(self, blobs: Sequence[Blob], into: Path) -> list[str]:
        """Where blobs are on this machine.

        In a folder they are the files themselves, unchecked: those of the lake the run itself has checked, or does
        meanwhile. From elsewhere they are fetched and checked, and stay in `into`, whatever the cache drops.

        Raises
        ------
        BlobDamagedError
            If one is missing, or not what was put.
        StoreUnavailableError
            If the store cannot be asked now.
        """
        opened = self.store.opened()
        found = [opened.store.path(blob.name) for blob in blobs]
        paths = [path for path in found if path is not None]
        if len(paths) < len(found):
            into.mkdir(parents=True, exist_ok=True)
            with ThreadPoolExecutor(_FETCHES) as threads:
                paths = list(threads.map(lambda blob: _held(opened, blob, into), blobs))
        return [str(path) for path in paths]

    @contextmanager
    def workplace(self) -> Iterator[Path]:
        """A folder for one task, removed at the end: in that of the run where it can be seen, else a temporary one."""
        beside = self.scratch if os.path.isdir(self.scratch) else None
        folder = Path(tempfile.mkdtemp(prefix="anabranch-task-", dir=beside))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def remove_earlier(store: Store, token: int) -> None:
    """Remove what the workers of runs that were killed or overtaken handed to each other; see `batch.run_place`."""
    for run in store.folders(RUNS):
        if is_earlier(run, token):
            remove_handed_on(store, run)


def remove_handed_on(store: Store, run: str) -> None:
    """Remove what the workers of a run handed to each other."""
    place = f"{RUNS}/{run}"
    folder = store.path(place)
    if folder is None:
        store.remove([found.name for found in store.list(place)])
    else:
        shutil.rmtree(folder, ignore_errors=True)


def _held(blobs: Blobs, blob: Blob, into: Path) -> Path:
    """A second name for what is in the cache, which may drop its own at any moment."""
    target = into / blob.sha256
    for _ in range(_TRIES):
        path = blobs.fetch(blob)
        with suppress(FileNotFoundError):  # dropped just now
            try:
                os.link(path, target)
            except FileExistsError:
                return target
            except FileNotFoundError:
                raise
            except OSError:  # another file system
                beside = target.with_name(f"{target.name}.{uuid4().hex}")
                shutil.copyfile(path, beside)
                beside.replace(target)
            return target
    return blobs.fetch(blob)
