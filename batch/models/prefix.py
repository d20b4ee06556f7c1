"""The exact views as they stand at the beginning of a slice: the last generation, and what came between."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from anabranch.contributions import Cells, Key
from anabranch.view import View
from batch.duckdb_session import Connection, quoted
from batch.generation import Generation
from batch.views import index_file, tile_table
from batch.views.merge import merge
from batch.views.publish import INDEXED_TILES
from batch.views.view_tiles import ViewTiles


class Prefix:
    """The tiles of some tables of tiles, merged into index files and read by key.

    It is what `anabranch.features.lookups.BaseTiles` asks for: ``prefix.tiles_of(view, key, first)``.

    Parameters
    ----------
    base
        What lies below the tables of tiles; None: nothing.
    folder
        A folder of its own, removed by `close`.
    """

    def __init__(self, base: Generation | None, folder: Path):
        self._base = base
        self._folder = folder
        self._merged: dict[str, ViewTiles] = {}

    def build(
        self,
        connection: Connection,
        views: Mapping[str, View],
        deltas: Mapping[str, Sequence[str]],
        watermarks: Mapping[str, int],
    ) -> None:
        """Merge tables of tiles, instead of those that were merged before.

        Parameters
        ----------
        deltas
            Paths by name of view.
        watermarks
            The newest event time by stream; tiles that are expired by then nobody asks for.
        """
        self.close()
        self._folder.mkdir(parents=True)
        for name, paths in deltas.items():
            if paths:
                view, path = views[name], self._folder / f"{name}.sqlite"
                oldest = view.oldest_kept(watermarks.get(view.of.name))
                _index(connection, view, [Path(path) for path in paths], oldest, path)
                self._merged[name] = ViewTiles(view, [path])

    def tiles_of(self, view: View, key: Key, first: int | None) -> dict[int, Cells]:
        """The tiles of a key that start at `first` or later, by start; None: all of them."""
        keys = dict(zip(view.key_fields, key, strict=True))
        found: dict[int, Cells] = {}
        if self._base is not None:
            found = {start: cells for _, start, cells in self._base.tiles(view, keys, first)}
        if view.name in self._merged:
            for _, start, cells in self._merged[view.name].read(keys, first):
                found[start] = view.merge(found[start], cells) if start in found else cells
        return found

    def close(self) -> None:
        """Remove what was merged."""
        while self._merged:
            self._merged.popitem()[1].close()
        shutil.rmtree(self._folder, ignore_errors=True)


def _index(connection: Connection, view: View, deltas: Sequence[Path], oldest: int | None, path: Path) -> None:
    table = quoted(f"prefix_{view.name}")
    merge(connection, view, deltas, None, oldest, table)
    with connection.cursor() as cursor:
        found = cursor.sql(f"SELECT {', '.join(tile_table.names(view))} FROM {table}").to_arrow_reader(INDEXED_TILES)
        index_file.create(path, view, map(tile_table.plain, found))
    connection.execute(f"DROP TABLE {table}")
