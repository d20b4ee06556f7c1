"""A store in a folder of the file system."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from eventlog.durable_files import sync_file, sync_folder
from eventlog.store.errors import StoreMissingError, StoreUnavailableError
from eventlog.store.store import Listed

_PART = ".part"
"""Of files that are being written; a process that was killed leaves some."""
_ABANDONED_SECONDS = 86_400


class FolderStore:
    """See `Store`. A name is a path below the folder."""

    def __init__(self, folder: Path):
        self.folder = folder.absolute()
        self.url = str(self.folder)
        self.delta_options: dict[str, str] = {}

    def read(self, name: str) -> bytes:
        """See `Store.read`."""
        try:
            return self.path(name).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            raise StoreMissingError(self.url, name) from None
        except OSError as error:
            raise StoreUnavailableError(self.url, name, error) from error

    def download(self, name: str, path: Path) -> None:
        """See `Store.download`."""
        try:
            shutil.copyfile(self.path(name), path)
        except FileNotFoundError:
            raise StoreMissingError(self.url, name) from None
        except OSError as error:
            raise StoreUnavailableError(self.url, name, error) from error

    def create(self, name: str, content: bytes | Path, *, durable: bool = True) -> bool:
        """See `Store.create`."""
        target = self.path(name)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, bytes):
                beside = _beside(target)
                beside.write_bytes(content)
                return _named(beside, target, durable, is_ours=True)
            return _named(content, target, durable, is_ours=False)
        except OSError as error:
            raise StoreUnavailableError(self.url, name, error) from error

    def stat(self, name: str) -> Listed | None:
        """See `Store.stat`."""
        try:
            found = self.path(name).stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise StoreUnavailableError(self.url, name, error) from error
        return Listed(name, found.st_size, found.st_mtime_ns // 1_000)

    def list(self, folder: str) -> Iterator[Listed]:
        """See `Store.list`."""
        for place, _, names in os.walk(self.path(folder)):
            below = Path(place).relative_to(self.folder).as_posix()
            for file in names:
                if file.endswith(_PART):
                    _remove_if_abandoned(Path(place) / file)
                else:
                    found = self.stat(f"{below}/{file}")
                    if found is not None:  # it went meanwhile
                        yield found

    def folders(self, folder: str) -> Sequence[str]:
        """See `Store.folders`."""
        try:
            with os.scandir(self.path(folder)) as entries:
                return sorted(entry.name for entry in entries if entry.is_dir())
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise StoreUnavailableError(self.url, folder, error) from error

    def remove(self, names: Iterable[str]) -> None:
        """See `Store.remove`."""
        for name in names:
            try:
                self.path(name).unlink(missing_ok=True)
            except OSError as error:
                raise StoreUnavailableError(self.url, name, error) from error

    def path(self, name: str) -> Path:
        """See `Store.path`."""
        return self.folder / name

    def delta_url(self, name: str) -> str:
        """See `Store.delta_url`."""
        return str(self.path(name))


def _remove_if_abandoned(part: Path) -> None:
    """Remove what nobody has written to for so long that its process must be gone."""
    with suppress(OSError):  # somebody else does, or it is not ours
        if time.time() - part.stat().st_mtime > _ABANDONED_SECONDS:
            part.unlink()


def _beside(target: Path) -> Path:
    return target.with_name(f".{target.name}.{os.getpid()}-{uuid4().hex}{_PART}")


def _named(source: Path, target: Path, durable: bool, *, is_ours: bool) -> bool:
    """Give a whole file a name that nobody has, in one step; a file of ours is not left under its own."""
    try:
        if durable:
            sync_file(source)
        try:
            os.link(source, target)  # unlike a rename, it replaces nothing
        except FileExistsError:
            return False
        except OSError:  # another file system, or one without links
            if not _copied(source, target, durable):
                return False
        if durable:
            sync_folder(target.parent)
        return True
    finally:
        if is_ours:
            source.unlink(missing_ok=True)


def _copied(source: Path, target: Path, durable: bool) -> bool:
    """Copy a file to a name that nobody has; of two who do so at once one may replace the other's equal content."""
    beside = _beside(target)
    try:
        shutil.copyfile(source, beside)
        if durable:
            sync_file(beside)
        try:
            os.link(beside, target)
        except FileExistsError:
            return False
        except OSError:
            if target.exists():
                return False
            beside.replace(target)
        return True
    finally:
        beside.unlink(missing_ok=True)
