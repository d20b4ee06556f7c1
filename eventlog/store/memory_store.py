"""A store in memory: the twin of the others, for tests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from threading import Lock

from eventlog.clock import Clock, now_us
from eventlog.store.errors import StoreMissingError
from eventlog.store.store import Listed


class MemoryStore:
    """See `Store`.

    Parameters
    ----------
    clock
        Tells when something was written.
    """

    def __init__(self, clock: Clock = now_us):
        self.url = "memory://"
        self.delta_options: dict[str, str] = {}
        self._clock = clock
        self._lock = Lock()
        self._contents: dict[str, tuple[bytes, int]] = {}

    def read(self, name: str) -> bytes:
        """See `Store.read`."""
        try:
            return self._contents[name][0]
        except KeyError:
            raise StoreMissingError(self.url, name) from None

    def download(self, name: str, path: Path) -> None:
        """See `Store.download`."""
        path.write_bytes(self.read(name))

    def create(self, name: str, content: bytes | Path, *, durable: bool = True) -> bool:
        """See `Store.create`."""
        held = content if isinstance(content, bytes) else content.read_bytes()
        with self._lock:
            if name in self._contents:
                return False
            self._contents[name] = held, self._clock()
            return True

    def stat(self, name: str) -> Listed | None:
        """See `Store.stat`."""
        found = self._contents.get(name)
        return None if found is None else Listed(name, len(found[0]), found[1])

    def list(self, folder: str) -> Iterator[Listed]:
        """See `Store.list`."""
        for name, (content, modified) in list(self._contents.items()):
            if name.startswith(f"{folder}/"):
                yield Listed(name, len(content), modified)

    def folders(self, folder: str) -> Sequence[str]:
        """See `Store.folders`."""
        below = (name.removeprefix(f"{folder}/").split("/") for name in self._contents if name.startswith(f"{folder}/"))
        return sorted({parts[0] for parts in below if len(parts) > 1})

    def remove(self, names: Iterable[str]) -> None:
        """See `Store.remove`."""
        with self._lock:
            for name in names:
                self._contents.pop(name, None)

    def path(self, name: str) -> Path | None:
        """See `Store.path`."""
        return None

    def delta_url(self, name: str) -> str:
        """There is none: Delta Lake's own memory is another one for each table that is opened."""
        raise NotImplementedError("no table of Delta Lake lies in a MemoryStore")
