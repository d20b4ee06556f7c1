"""A store in a bucket: S3 and what speaks like it, Google Cloud Storage, Azure Blob Storage."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from mmap import ACCESS_READ, mmap
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import AzureStore, GCSStore, S3Store

from eventlog.store.bucket_url import BucketUrl
from eventlog.store.errors import StoreDeniedError, StoreMissingError, StoreUnavailableError
from eventlog.store.store import Listed

if TYPE_CHECKING:
    from obstore import ObjectMeta
    from obstore.store import RetryConfig

CONNECT_SECONDS = 5
READ_SECONDS = 15
"""How long a connection may take, and how long an answer may stand still."""
RETRIES = 4
RETRY_SECONDS = 20
"""How often a request is sent again, and for how long; what fails then as well is told to the caller."""
SMALL_BYTES = 8 << 20
SMALL_SECONDS = 30
"""How long it may take to write so much; longer content has so much more, about a quarter of a MiB a second."""
SINGLE_BYTES = 4 << 30
"""The longest content that is written by one request: S3 takes 5 GiB, Azure 5,000 MiB."""
_TRIES = 3
_CHUNK = 4 << 20
_NO_BUCKET = ("NoSuchBucket", "specified bucket does not exist", "ContainerNotFound")
_DENIED = ("AccessDenied", "403 Forbidden", "401 Unauthorized")
_KINDS = {"s3": S3Store, "gs": GCSStore, "az": AzureStore}

Bucket = S3Store | GCSStore | AzureStore


class ObjectStore:
    """See `Store`. Keys, endpoint and region are taken from the environment, as the library names them.

    Nothing is written in place of anything: a name is given by one conditional request (``If-None-Match: *``), which
    `eventlog.store.probe` holds a store to before it is used.

    Parameters
    ----------
    url
        The bucket and the prefix; see `BucketUrl`.
    retries, retry_seconds
        How often a request is sent again, and for how long.

    Raises
    ------
    ValueError
        If the environment lacks something, such as Azure's account.
    """

    def __init__(self, url: BucketUrl, retries: int = RETRIES, retry_seconds: float = RETRY_SECONDS):
        self.url = str(url)
        self._retry: RetryConfig = {"max_retries": retries, "retry_timeout": timedelta(seconds=retry_seconds)}
        self.delta_options = {
            "timeout": f"{SMALL_SECONDS}s",
            "connect_timeout": f"{CONNECT_SECONDS}s",
            "max_retries": str(retries),
            "retry_timeout": f"{retry_seconds}s",
        }
        self._at = url
        # An answer may be long, so that only its standing still has a bound.
        self._bucket = self._opened(timeout="1day", read_timeout=f"{READ_SECONDS}s")
        self._writing = {1: self._opened(timeout=f"{SMALL_SECONDS}s")}
        self._lock = Lock()

    def read(self, name: str) -> bytes:
        """See `Store.read`."""
        with self._telling(name):
            return bytes(obstore.get(self._bucket, name).bytes())

    def download(self, name: str, path: Path) -> None:
        """See `Store.download`."""
        with self._telling(name):
            # A connection that breaks or stands still is taken up by the library where it stopped.
            chunks = obstore.get(self._bucket, name).stream(min_chunk_size=_CHUNK)
            with path.open("wb") as file:
                for chunk in chunks:
                    file.write(chunk)

    def create(self, name: str, content: bytes | Path, *, durable: bool = True) -> bool:
        """See `Store.create`. Where an answer was lost, it may say that the name is taken by what this call wrote."""
        for _ in range(_TRIES):
            try:
                with self._telling(name):
                    self._put(name, content)
                    return True
            except AlreadyExistsError as error:
                refused = error
            # S3 answers the same while the name is being removed or written: it may be free after all
            if self.stat(name) is not None:
                return False
        raise StoreUnavailableError(self.url, name, refused)

    def _put(self, name: str, content: bytes | Path) -> None:
        if isinstance(content, bytes):
            obstore.put(self._writer(len(content)), name, content, mode="create")
            return
        size = content.stat().st_size
        if size == 0:
            obstore.put(self._writer(0), name, b"", mode="create")
        elif size <= SINGLE_BYTES:
            # In parts it could not be conditional, and read by the library it would be in memory twice.
            with content.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as mapped:
                obstore.put(self._writer(size), name, mapped, mode="create")
        else:
            self._put_in_parts(name, content)

    def _put_in_parts(self, name: str, content: Path) -> None:
        """Write what no store takes at once, unless the name is taken.

        Two who do so at once would both succeed, and one replace the other's. What is so long are blobs and files of
        the lake, whose names carry their sha256: both write the same, and a reader sees the one or the other whole.
        """
        if self.stat(name) is not None:
            raise AlreadyExistsError(f"{name} is taken")
        obstore.put(self._writer(SMALL_BYTES), name, content, mode="overwrite", chunk_size=64 << 20, max_concurrency=2)

    def stat(self, name: str) -> Listed | None:
        """See `Store.stat`."""
        try:
            with self._telling(name):
                return self._listed(obstore.head(self._bucket, name))
        except StoreMissingError:
            return None

    def list(self, folder: str) -> Iterator[Listed]:
        """See `Store.list`."""
        with self._telling(folder):
            for found in obstore.list(self._bucket, folder, chunk_size=1_000):
                yield from map(self._listed, found)

    def folders(self, folder: str) -> Sequence[str]:
        """See `Store.folders`."""
        with self._telling(folder):
            found = obstore.list_with_delimiter(self._bucket, folder)["common_prefixes"]
        return sorted(path.rpartition("/")[2] for path in found)

    def remove(self, names: Iterable[str]) -> None:
        """See `Store.remove`."""
        wanted = list(names)
        if not wanted:
            return
        try:
            with self._telling(wanted[0]):
                obstore.delete(self._bucket, wanted)
        except StoreMissingError:  # Google's and Azure's tell that one of several was not there, and stop
            for name in wanted:
                self._remove(name)

    def _remove(self, name: str) -> None:
        try:
            with self._telling(name):
                obstore.delete(self._bucket, name)
        except StoreMissingError:
            pass

    def path(self, name: str) -> Path | None:
        """See `Store.path`."""
        return None

    def delta_url(self, name: str) -> str:
        """See `Store.delta_url`."""
        return f"{self.url}/{name}"

    def _listed(self, found: ObjectMeta) -> Listed:
        return Listed(found["path"], found["size"], int(found["last_modified"].timestamp() * 1_000_000))

    def _writer(self, size: int) -> Bucket:
        """The bucket, with as much time for a request as so many bytes need."""
        fold = 1 << max(0, -(-size // SMALL_BYTES) - 1).bit_length()
        with self._lock:
            if fold not in self._writing:
                self._writing[fold] = self._opened(timeout=f"{fold * SMALL_SECONDS}s")
            return self._writing[fold]

    def _opened(self, **limits: str) -> Bucket:
        # As `client_options` they would replace all of the environment's, such as AWS_ALLOW_HTTP.
        config: dict[str, Any] = {"connect_timeout": f"{CONNECT_SECONDS}s", **limits}
        kind: Any = _KINDS[self._at.scheme]
        try:
            bucket: Bucket = kind(
                self._at.bucket, prefix=self._at.prefix or None, config=config, retry_config=self._retry
            )
        except BaseError as error:
            raise ValueError(f"{self.url} cannot be opened: {_short(error)}") from None
        return bucket

    @contextmanager
    def _telling(self, name: str) -> Iterator[None]:
        """Say the library's errors as the store's; that a name is taken is for `create`."""
        try:
            yield
        except AlreadyExistsError:
            raise
        except FileNotFoundError as error:
            if any(told in str(error) for told in _NO_BUCKET):
                raise StoreUnavailableError(self.url, name, _short(error)) from error
            raise StoreMissingError(self.url, name) from None
        except (PermissionDeniedError, UnauthenticatedError) as error:
            raise StoreDeniedError(self.url, name, _short(error)) from error
        except (BaseError, OSError, ValueError) as error:
            kind = StoreDeniedError if any(told in str(error) for told in _DENIED) else StoreUnavailableError
            raise kind(self.url, name, _short(error)) from error


def _short(error: Exception) -> Exception:
    """What the library says, without the pages that it adds for those who debug it."""
    return OSError(str(error).partition("\n\nDebug source")[0][:500])
