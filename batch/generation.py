"""A generation, read: what one batch run published. Safe to use from many threads."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from anabranch.app import App
from anabranch.contributions import Cells, Key
from anabranch.cut import Cut
from anabranch.model import Model
from anabranch.view import View
from anabranch.watermarks import Watermarks, advance, joined
from batch.errors import CorruptGenerationError, VersionError
from batch.manifest import Layer, layers_of, name_of, read
from batch.models import pickled_files
from batch.models.predictor import VersionPredictor
from batch.views.view_tiles import ViewTiles
from eventlog.decisions import Publication
from eventlog.home_key import HomeKey
from eventlog.store.blobs import Blob, Blobs
from eventlog.store.errors import BlobDamagedError, StoreMissingError

NO_KEYS: Mapping[str, Any] = MappingProxyType({})


class Generation:
    """What one batch run published: exact views of everything before its cut. Made by `Generation.open`.

    Attributes
    ----------
    publication
        What announced it.
    manifest
        What is said of it: see `batch.manifest`.
    number
        1, 2, ...
    cut
        It covers everything before.
    run
        The run that published it.
    """

    def __init__(
        self, publication: Publication, manifest: dict[str, Any], blobs: Blobs, pickles: HomeKey | None = None
    ):
        self.publication = publication
        self._blobs = blobs
        self._pickles = pickles
        self.manifest = manifest
        self.number: int = manifest["generation"]
        self.cut = Cut.parse(manifest["cut"])
        self.run: str = manifest["run"]
        self._views: dict[str, dict[str, Any]] = manifest["views"]
        self._layers = {name: layers_of(view) for name, view in self._views.items()}
        self._tiles: dict[str, ViewTiles] = {}
        self._closed = False
        self._models: dict[str, dict[str, Any]] = manifest.get("models", {})
        self._predictors: dict[tuple[str, int], VersionPredictor] = {}
        self._opening = threading.Lock()

    @classmethod
    def open(cls, blobs: Blobs, publication: Publication, pickles: HomeKey | None = None) -> Generation:
        """Open a generation: fetch its views, and check every byte of them.

        Parameters
        ----------
        blobs
            Where its files are.
        publication
            What the log says of it.
        pickles
            The key of the home, by which it knows models that are pickles; None: such are not opened.

        Raises
        ------
        CorruptGenerationError
            If a file is missing or not the one that was published; it says which.
        FormatError
            If it was written by another version of this program.
        eventlog.store.errors.StoreUnavailableError
            If the store cannot be asked now: nothing is known of the generation then.
        """
        generation = cls.peek(blobs, publication, pickles)
        for name, layers in generation._layers.items():
            for layer in layers:
                generation._fetch(layer.table, f"the table of view {name!r}")
                generation._fetch(layer.index, f"the index of view {name!r}")
        return generation

    @classmethod
    def peek(cls, blobs: Blobs, publication: Publication, pickles: HomeKey | None = None) -> Generation:
        """Open a generation without fetching more than its manifest: to learn of it, not to read it."""
        try:
            manifest = read(publication, blobs.store.read(name_of(publication)))
        except StoreMissingError as error:
            what = f"the manifest of generation {publication.generation}"
            raise CorruptGenerationError(what, str(error)) from None
        try:
            return cls(publication, manifest, blobs, pickles)
        except (KeyError, TypeError, ValueError, AttributeError):  # it is not what was written
            raise CorruptGenerationError(
                f"the manifest of generation {publication.generation}", f"{name_of(publication)} is no manifest"
            ) from None

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

    def layers(self, view: View) -> list[Layer]:
        """What it has of a view, the newest first."""
        return self._layers[view.name]

    def oldest(self, view: View) -> int | None:
        """Where the oldest tile of a view starts that it has, in microseconds, though a layer may hold older ones."""
        oldest: int | None = self._views[view.name].get("oldest")
        return oldest

    def tables(self, view: View) -> list[Path]:
        """The tables of the layers of a view, the newest first, checked; raises as `open` does."""
        return [self._fetch(layer.table, f"the table of view {view.name!r}") for layer in self.layers(view)]

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
        rows = self._read(view).read(keys, start, end, after)
        return rows if limit is None else itertools.islice(rows, limit)

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
            If its file is not the one that was published, or cannot or may not be opened. It is fetched now, and
            its sha256 is compared first.
        """
        held = self._held(model, version)
        known = self._predictors.get((model.name, version))
        if known is not None:
            return known
        with self._opening:
            known = self._predictors.get((model.name, version))
            if known is None:
                path = self._fetch(Blob.of(held["file"]), f"version {version} of model {model.name!r}")
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
        """Open the indexes of views, so that they can be read on when their files go, from the store or the cache."""
        for view in views:
            self._read(view)

    def close(self) -> None:
        """Close its files. Iterators of `tiles` that are in use go on to their end."""
        with self._opening:
            self._closed = True
            tiles, self._tiles = self._tiles, {}
        for of_view in tiles.values():
            of_view.close()

    def _read(self, view: View) -> ViewTiles:
        """The tiles of a view."""
        tiles = self._tiles.get(view.name)
        if tiles is None:
            with self._opening:
                tiles = self._tiles.get(view.name)
                if tiles is None:
                    if self._closed:
                        raise CorruptGenerationError(f"generation {self.number}", "it was closed")
                    layers = self.layers(view)
                    indexes = [self._fetch(layer.index, f"the index of view {view.name!r}") for layer in layers]
                    sizes = [layer.size for layer in layers]
                    tiles = self._tiles[view.name] = ViewTiles(view, indexes, sizes, self.oldest(view))
        return tiles

    def _fetch(self, blob: Blob, what: str) -> Path:
        """A file on this machine, checked."""
        try:
            return self._blobs.fetch(blob)
        except BlobDamagedError as error:
            raise CorruptGenerationError(f"{what} of generation {self.number}", str(error)) from None
