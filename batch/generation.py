"""A generation, read: what one batch run published. Safe to use from many threads."""

from __future__ import annotations

import hashlib
import itertools
import threading
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import orjson

from anabranch.app import App
from anabranch.contributions import Cells, Key
from anabranch.cut import Cut
from anabranch.model import Model
from anabranch.view import View, key_order
from anabranch.watermarks import Watermarks, advance, joined
from batch.errors import CorruptGenerationError, FormatError, VersionError
from batch.models import pickled_files
from batch.models.predictor import VersionPredictor
from batch.views import index_file
from batch.views.reader_pool import ReaderPool
from eventlog.home_key import HomeKey

FORMAT = 2
"""The format of a generation; another one is not read, but made anew."""
MANIFEST = "manifest.json"
NO_KEYS: Mapping[str, Any] = MappingProxyType({})


class Generation:
    """What one batch run published: exact views of everything before its cut. Made by `Generation.open`.

    Attributes
    ----------
    folder
        Where its files are.
    manifest
        What is said of it: see `batch.manifest`.
    number
        1, 2, ...
    cut
        It covers everything before.
    run
        The run that published it.
    """

    def __init__(self, folder: Path, manifest: dict[str, Any], pickles: HomeKey | None = None):
        self.folder = folder
        self._pickles = pickles
        self.manifest = manifest
        self.number: int = manifest["generation"]
        self.cut = Cut.parse(manifest["cut"])
        self.run: str = manifest["run"]
        self._views: dict[str, dict[str, Any]] = manifest["views"]
        self._pools: dict[str, ReaderPool] = {}
        self._closed = False
        self._models: dict[str, dict[str, Any]] = manifest.get("models", {})
        self._predictors: dict[tuple[str, int], VersionPredictor] = {}
        self._opening = threading.Lock()

    @classmethod
    def open(
        cls, generations: Path, number: int, manifest_sha256: str | None = None, pickles: HomeKey | None = None
    ) -> Generation:
        """Open a generation, and check every byte of it.

        Parameters
        ----------
        generations
            The folder of all generations.
        manifest_sha256
            The digest that the log has of its manifest; None: do not compare.
        pickles
            The key of the home, by which it knows models that are pickles; None: such are not opened.

        Raises
        ------
        CorruptGenerationError
            If a file is missing or not the one that was published; it says which.
        FormatError
            If it was written by another version of this program.
        """
        generation = cls.peek(generations, number, manifest_sha256, pickles)
        for view in generation._views.values():
            for file in view["files"].values():
                verify(generation.folder / file["path"], file["bytes"], file["sha256"])
        return generation

    @classmethod
    def peek(
        cls, generations: Path, number: int, manifest_sha256: str | None = None, pickles: HomeKey | None = None
    ) -> Generation:
        """Open a generation without checking more than its manifest: to learn of it, not to read it."""
        folder = generations / str(number)
        path = folder / MANIFEST
        try:
            raw = path.read_bytes()
        except OSError as error:
            raise CorruptGenerationError(path, "a file", f"none ({error.strerror})") from None
        found = hashlib.sha256(raw).hexdigest()
        if manifest_sha256 is not None and found != manifest_sha256:
            raise CorruptGenerationError(path, f"sha256 {manifest_sha256}", f"sha256 {found}")
        try:
            return cls(folder, _parsed(path, raw), pickles)
        except (KeyError, TypeError, ValueError, AttributeError):  # it is not what was written
            raise CorruptGenerationError(path, "a manifest", "something else") from None

    @property
    def end(self) -> int:
        """The first offset that it does not cover."""
        return self.cut.offsets[0]

    @property
    def retracted(self) -> frozenset[int]:
        """The offsets before its cut of events that it leaves out, because they were taken out of the log."""
        return frozenset(self.manifest.get("retracted", ()))

    def holds(self, retracted: Iterable[int]) -> list[int]:
        """Which of some events that were taken out of the log it covers all the same, ascending."""
        return sorted(offset for offset in retracted if offset < self.end and offset not in self.retracted)

    def covers(self, view: View) -> bool:
        """Whether it holds this view, by the same definition."""
        held = self._views.get(view.name)
        return held is not None and held["fingerprint"] == view.fingerprint

    def extends(self, view: View) -> bool:
        """Whether new events can be merged into what it holds of the view: it also kept all that the view keeps."""
        if not self.covers(view):
            return False
        kept: int | None = self._views[view.name]["keep_us"]
        return kept is None or (view.keep_us is not None and view.keep_us <= kept)

    def watermark(self, view: View) -> int | None:
        """The newest event time of the view's stream, in microseconds; None: there was no event."""
        held = self._views.get(view.name)
        return None if held is None else held["watermark"]

    def watermarks(self, app: App) -> Watermarks:
        """The newest event time of every stream before its cut, in microseconds; see `anabranch.watermarks`.

        The manifests of earlier releases do not have them together, but that of the stream of every view, and of the
        streams of every model: nothing else depended on them.
        """
        told: Watermarks | None = self.manifest.get("watermarks")
        if told is not None:
            return dict(told)
        found = joined(*(held["rows"]["newest"] for held in self._models.values() if "rows" in held))
        for view in app.views.values():
            advance(found, view.of.name, [self.watermark(view)])
        return found

    def rows(self, view: View) -> int:
        """The number of tiles that it holds of a view."""
        rows: int = self._views[view.name]["rows"]
        return rows

    def path(self, view: View, file: str) -> Path:
        """The path of a file of a view: its ``table`` or its ``index``."""
        return self.folder / str(self._views[view.name]["files"][file]["path"])

    def check(self, view: View, file: str) -> None:
        """Hold a file of a view against the manifest; raises `CorruptGenerationError`."""
        held = self._views[view.name]["files"][file]
        verify(self.path(view, file), held["bytes"], held["sha256"])

    def tiles(
        self,
        view: View,
        keys: Mapping[str, Any] = NO_KEYS,
        start: int | None = None,
        end: int | None = None,
        after: tuple[Key, int] | None = None,
        limit: int | None = None,
    ) -> Iterator[tuple[Key, int, Cells]]:
        """(key, start of the tile, cells) of some tiles, ordered by key and tile.

        With values for all key fields, or for the first few, it is a point read; otherwise it passes over all tiles.

        Parameters
        ----------
        keys
            Values by key field; None is the missing value.
        start, end
            Tiles that start in ``[start, end)``, in microseconds. A view without tiles has one at 0.
        after
            Go on behind this key and tile.
        """
        rows = self._rows(view, keys, start, end, after)
        return rows if limit is None else itertools.islice(rows, limit)

    def _rows(
        self, view: View, keys: Mapping[str, Any], start: int | None, end: int | None, after: tuple[Key, int] | None
    ) -> Iterator[index_file.Row]:
        with self._pool(view).lent() as reader:
            if len(keys) < len(view.key_fields):
                place = index_file.FIRST if after is None else index_file.behind(after)
                yield from reader.tiles(keys, place, start, end)
                return
            key = tuple([keys[name] for name in view.key_fields])
            if after is not None and key_order(after[0]) > key_order(key):
                return
            if after is not None and after[0] == key:
                start = after[1] + 1 if start is None else max(start, after[1] + 1)
            yield from reader.tiles_of(key, start, end)

    def versions(self, model: str) -> list[dict[str, Any]]:
        """What it holds of the versions of a model, the newest first; see `batch.manifest`."""
        held: list[dict[str, Any]] = self._models.get(model, {}).get("versions", [])
        return held

    def predictor(self, model: Model, version: int) -> VersionPredictor:
        """A version of a model, opened once.

        Raises
        ------
        VersionError
            If there is no such version, or it was trained on features of another definition.
        CorruptGenerationError, ModelFileError
            If its file is not the one that was published, or cannot or may not be opened. Its sha256 is compared
            first.
        """
        held = self._held(model, version)
        known = self._predictors.get((model.name, version))
        if known is not None:
            return known
        with self._opening:
            known = self._predictors.get((model.name, version))
            if known is None:
                path = self.folder / held["file"]["path"]
                verify(path, held["file"]["bytes"], held["file"]["sha256"])
                pickled_files.check(held["format"], held["file"], path, self._pickles)
                known = self._predictors[model.name, version] = VersionPredictor.open(version, model.task, held, path)
            return known

    def _held(self, model: Model, version: int) -> dict[str, Any]:
        versions = self.versions(model.name)
        held = next((held for held in versions if held["version"] == version), None)
        if held is None:
            known = ", ".join(str(held["version"]) for held in versions) or "none"
            raise VersionError(f"generation {self.number} has no version {version} of {model.name!r}; it has {known}")
        if held["fingerprint"] != model.fingerprint:
            raise VersionError(
                f"version {version} of {model.name!r} was trained on features of another definition;"
                " a batch run trains a new one"
            )
        return held

    def hold(self, views: Iterable[View]) -> None:
        """Open the indexes of views, so that they can be read on when their files are removed."""
        for view in views:
            self._pool(view)

    def close(self) -> None:
        """Close its files. Iterators of `tiles` that are in use go on to their end."""
        with self._opening:
            self._closed = True
            pools, self._pools = self._pools, {}
        for pool in pools.values():
            pool.close()

    def _pool(self, view: View) -> ReaderPool:
        """What lends readers of the index of a view."""
        pool = self._pools.get(view.name)
        if pool is None:
            with self._opening:
                pool = self._pools.get(view.name)
                if pool is None:
                    if self._closed:
                        raise CorruptGenerationError(self.folder, "an open generation", "one that was closed")
                    pool = self._pools[view.name] = ReaderPool(self.path(view, "index"), view)
        return pool


def verify(path: Path, size: int, sha256: str) -> None:
    """Compare a file with its size and digest; raises `CorruptGenerationError`."""
    try:
        with path.open("rb") as file:
            found_size = path.stat().st_size
            if found_size != size:
                raise CorruptGenerationError(path, f"{size} bytes", f"{found_size} bytes")
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise CorruptGenerationError(path, f"{size} bytes", f"none ({error.strerror})") from None
    if found != sha256:
        raise CorruptGenerationError(path, f"sha256 {sha256}", f"sha256 {found}")


def _parsed(path: Path, raw: bytes) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = orjson.loads(raw)
        version = manifest["format"]
    except (ValueError, KeyError, TypeError):
        raise CorruptGenerationError(path, "a manifest", "something else") from None
    if version != FORMAT:
        raise FormatError(path, FORMAT, version)
    return manifest
