"""The examples, folded over all of their data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from anabranch import App, Events, View, load_app
from anabranch.features import Features
from anabranch.features.fold import FailedFeatures, fold
from anabranch.features.lookups import Lookups
from anabranch.instant import iso
from anabranch.view import Tiles
from infra.demo.shows import ShownRequest
from infra.importing.file_rows import FileRows
from infra.importing.row_batches import FilePosition

EXAMPLES = Path(__file__).parent.parent.parent / "examples"


@dataclass(frozen=True)
class Example:
    """An application and the file of its data."""

    app: App
    path: Path

    def rows(self) -> list[bytes]:
        """The events as JSON, as an import reads them."""
        return [row for batch in FileRows.of(self.path).batches(FilePosition()) for row in batch.rows]

    def events(self) -> Iterator[Events]:
        """The events as the log would store them, a few thousand at a time."""
        (stream,) = self.app.streams.values()
        offset = 0
        for batch in FileRows.of(self.path).batches(FilePosition()):
            models = [stream.checked.model_validate_json(row, strict=True) for row in batch.rows]
            times = [int(getattr(m, stream.time).timestamp()) * 1_000_000 if stream.time else 0 for m in models]
            yield Events(stream, 0, offset, times, b"[" + b",".join(batch.rows) + b"]")
            offset += len(times)

    def frozen(self, model: str, requests: Sequence[ShownRequest]) -> list[Features | FailedFeatures]:
        """What each example's features are as these requests come in one after the other."""
        tiles: dict[str, Tiles] = {}
        watermarks: dict[str, int] = {}
        lookups = Lookups(self.app.views, None, [tiles], watermarks)
        found: list[Features | FailedFeatures] = []
        offset = 0
        for request in requests:
            stream = self.app.streams[request.stream]
            models = [stream.checked.model_validate_json(line, strict=True) for line in request.lines]
            times = [int(getattr(m, stream.time or "").timestamp()) * 1_000_000 for m in models]
            events = Events(stream, 0, offset, times, b"[" + b",".join(request.lines) + b"]")
            views, learnt = self.app.views_of(stream.name), self.app.models_of(stream.name)
            frozen, failures = fold(views, learnt, tiles, lookups, watermarks, events)
            assert failures == {}
            found += frozen.get(model, [])
            offset += len(times)
        return found

    def answers(self, view: View) -> dict[tuple[Any, ...], dict[str, Any]]:
        """What the view presents, by its key fields and the start of the tile (None: it has no tiles)."""
        tiles: Tiles = {}
        for events in self.events():
            assert view.fold(tiles, events) == 0, "a function of the example raised"
        return {
            (*key, iso(start) if view.tile_us else None): view.present(cells)
            for key, cells_by_start in tiles.items()
            for start, cells in cells_by_start.items()
        }

    def sql(self, query: str) -> list[tuple[Any, ...]]:
        """A direct computation on the file, which the query calls ``data``."""
        with duckdb.connect() as connection:
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute(f"CREATE VIEW data AS FROM '{self.path}'")
            return connection.execute(query).fetchall()


def example(name: str, data: str) -> Example:
    return Example(load_app(str(EXAMPLES / f"{name}.py")), EXAMPLES / "data" / data)


@pytest.fixture(scope="module")
def bikes() -> Example:
    return example("bikes", "bikes.parquet")


@pytest.fixture(scope="module")
def pages() -> Example:
    return example("pages", "pages.ndjson")


@pytest.fixture(scope="module")
def weblog() -> Example:
    return example("weblog", "weblog.parquet")


@pytest.fixture(scope="module")
def flights() -> Example:
    return example("flights", "flights.parquet")


@pytest.fixture(scope="module")
def votes() -> Example:
    return example("votes", "votes.parquet")
