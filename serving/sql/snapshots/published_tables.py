"""What of the generations a snapshot reads: the published tables, linked so that they outlive their generation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from anabranch import App, View
from batch.errors import GenerationError
from batch.generation import Generation
from batch.generations import Generations
from batch.views.published_table import ViewTables
from eventlog.decisions import Publication
from serving.sql.snapshots.snapshot_folder import SnapshotFolder


class PublishedTables:
    """The generation that answers for the batch part, and those that are kept beside it.

    Attributes
    ----------
    publication
        What announced it; None: there is none.
    """

    def __init__(self, generations: Generations, app: App, folder: SnapshotFolder):
        self._generations = generations
        self._app = app
        self._folder = folder
        self._generation: Generation | None = None
        self._linked: dict[str, Path] = {}
        self.publication: Publication | None = None

    def look(self, publication: Publication | None) -> None:
        """Turn to the generation that was adopted."""
        self.publication = publication
        self._generation = None
        if publication is not None:
            self._generation = self._generations.get(publication)
            for view in self._app.views.values():
                self._link(self._generation, view)  # it may go from the store, or from the cache

    @property
    def number(self) -> int | None:
        return None if self._generation is None else self._generation.number

    @property
    def end(self) -> int:
        """The first offset that it does not cover."""
        return 0 if self._generation is None else self._generation.end

    def tables_of(self, view: View) -> ViewTables | None:
        """The published tables of a view; None: there is no generation."""
        return None if self._generation is None else self._link(self._generation, view)

    def versions(self) -> dict[str, Sequence[Mapping[str, Any]]]:
        """The versions of every model that it holds."""
        return {} if self._generation is None else {name: self._generation.versions(name) for name in self._app.models}

    def tables(self, announced: Iterable[Publication]) -> dict[int, dict[str, ViewTables]]:
        """By generation that is kept, the published tables of every view that it has by the present definition.

        Parameters
        ----------
        announced
            What the log says of generations, in its order.
        """
        found: dict[int, dict[str, ViewTables]] = {}
        # an earlier one of the same number is not the one that counts any more
        by_number = {publication.generation: publication for publication in announced}
        for publication in self._generations.stored(by_number.values()):
            try:
                generation = self._opened(publication)
                views = [view for view in self._app.views.values() if generation.covers(view)]
                found[generation.number] = {view.name: self._link(generation, view) for view in views}
            except (GenerationError, FileNotFoundError, KeyError, TypeError):  # gone, damaged, or of another format
                continue
        return found

    def _opened(self, publication: Publication) -> Generation:
        if self._generation is not None and self._generation.publication == publication:
            return self._generation
        return Generation.peek(self._generations.blobs, publication)

    def _link(self, generation: Generation, view: View) -> ViewTables:
        layers = generation.layers(view)
        known = [self._linked.get(layer.table.sha256) for layer in layers]
        if any(path is None or not path.exists() for path in known):
            for layer, table in zip(layers, generation.tables(view), strict=True):
                path = self._folder.link(table, f"published-{layer.table.sha256}.parquet")
                if not path.exists():
                    raise FileNotFoundError(path)
                self._linked[layer.table.sha256] = path
        paths = tuple(str(self._linked[layer.table.sha256]) for layer in layers)
        return ViewTables(paths, generation.oldest(view))
