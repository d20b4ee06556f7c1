"""The contract of a store. `tests/contracts` holds every implementation to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

BLOBS = "blobs"
GENERATIONS = "generations"
LAKE = "lake"
RUNS = "runs"
"""Where things lie in a store: immutable files by their sha256, manifests, the tables of the lake, and what the workers
of a batch run hand to each other."""


class Listed(NamedTuple):
    """What a store tells of one of its names.

    Attributes
    ----------
    name
        Parts divided by ``/``, without one in front.
    bytes
        How long the content is.
    modified
        When it was written, in microseconds since 1970, by the clock of the store.
    """

    name: str
    bytes: int
    modified: int


class Store(Protocol):
    """Immutable things by name. Nothing is overwritten or renamed, so whoever has a name has its content for good.

    Safe to use from many threads and processes. All methods raise `StoreUnavailableError` where the store cannot
    answer now: nothing follows from that about what it holds.

    Attributes
    ----------
    url
        Where it is, for people and for `eventlog.store.opening.open_store`; the absolute path of a folder.
    delta_options
        What Delta Lake needs besides a URL (`delta_url`) and the environment, as ``storage_options``.
    """

    url: str
    delta_options: dict[str, str]

    def read(self, name: str) -> bytes:
        """The content of a name. Raises `StoreMissingError` if there is none."""
        ...

    def download(self, name: str, path: Path) -> None:
        """Write the content of a name into a file. Raises `StoreMissingError` if there is none."""
        ...

    def create(self, name: str, content: bytes | Path, *, durable: bool = True) -> bool:
        """Give a name its content. Of several who try at once one succeeds; the others change nothing.

        Parameters
        ----------
        content
            Bytes, or a file, which nobody changes afterwards: a folder takes it by a link.
        durable
            False: after a power cut it may be gone. It is never there in part.

        Returns
        -------
        bool
            Whether it was written; False: the name is taken.
        """
        ...

    def stat(self, name: str) -> Listed | None:
        """What is known of a name; None: there is none."""
        ...

    def list(self, folder: str) -> Iterator[Listed]:
        """Every name that begins with `folder` and ``/``, in no order."""
        ...

    def folders(self, folder: str) -> Sequence[str]:
        """The next part of every name that begins with `folder` and ``/`` and has parts below that, in order.

        A folder store may know some in which nothing lies any more.
        """
        ...

    def remove(self, names: Iterable[str]) -> None:
        """Remove names; those that are not there are passed over."""
        ...

    def path(self, name: str) -> Path | None:
        """Where a name lies as a file, whether or not it is there; None: the store is no folder."""
        ...

    def delta_url(self, name: str) -> str:
        """Where a table of Delta Lake lies that is called so."""
        ...
