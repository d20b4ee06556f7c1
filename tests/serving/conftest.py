"""A service of real parts in a temporary home, asked without a socket."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import BaseModel, Field

from anabranch import App, Cut, Events, View, agg
from anabranch.view import Tiles
from batch.errors import LeaseHeldError
from batch.generation import Generation
from batch.generations import Generations
from batch.manifest import manifest_name, written
from batch.views import index_file
from eventlog.decisions import Publication, publications
from eventlog.intake.door import BodyLimits
from eventlog.lake import Lake
from eventlog.log.event_finder import EventFinder
from eventlog.log.sql_log import SqlLog
from eventlog.registry.database import Database
from eventlog.registry.dead_letters import DeadLetters
from eventlog.registry.runs import Runs
from eventlog.store.blobs import Blob, Blobs
from eventlog.store.folder_store import FolderStore
from infra.published_layer import PublishedLayer
from serving.api import create_api
from serving.models.prediction_recorder import Recorder
from serving.service import Service
from speed.checkpoint import Checkpoints
from speed.consumer import Consumer
from tests.home_key import KEY

NOW = 1_700_000_000_000_000
app = App("bikes")


class Rental(BaseModel):
    rental_id: str
    station: str
    rider: str | None = None
    started: datetime
    minutes: float = Field(ge=0)


class Ping(BaseModel):
    host: str
    number: int


rentals = app.stream("rentals", Rental, id="rental_id", key="station", time="started")
pings = app.stream("pings", Ping, key="host")
usage = app.view(
    "usage", of=rentals, by="station", tile="1h", keep="90d", rentals=agg.count(), minutes=agg.mean("minutes")
)
riders = app.view("riders", of=rentals, by=("station", "rider"), rentals=agg.count())
hosts = app.view("hosts", of=pings, by=lambda ping: ping.host, pings=agg.count(), total=agg.sum("number"))


class Client:
    """Asks an application in this process, without a socket."""

    def __init__(self, api: FastAPI):
        self.api = api
        self._runner = asyncio.Runner()
        transport = httpx.ASGITransport(api, raise_app_exceptions=False)
        self._client = httpx.AsyncClient(transport=transport, base_url="http://anabranch")

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        return self._runner.run(self._client.request(method, path, **options))

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        return self.request("POST", path, **options)

    def all(self, *requests: tuple[str, str, dict[str, Any]]) -> list[httpx.Response]:
        """The answers to requests that are made at once."""

        async def gathered() -> list[httpx.Response]:
            return await asyncio.gather(*(self._client.request(m, p, **options) for m, p, options in requests))

        return self._runner.run(gathered())

    def close(self) -> None:
        self._runner.run(self._client.aclose())
        self._runner.close()


@dataclass
class Home:
    """What a test asks, and the parts behind it."""

    client: Client
    service: Service
    consumer: Consumer
    started_batches: list[bool]

    def post(self, *events: dict[str, Any], stream: str = "rentals") -> str:
        """Post events, and return their position."""
        response = self.client.post(f"/v1/streams/{stream}/events", json=list(events))
        assert response.status_code == 201, response.text
        position: str = response.json()["position"]
        return position

    def get(self, path: str, status: int = 200, **query: Any) -> Any:
        response = self.client.get(path, params=query)
        assert response.status_code == status, response.text
        kind = "application/json" if status < 300 else "application/problem+json"
        assert response.headers["content-type"] == kind
        return response.json()

    def rows(self, view: str, **query: Any) -> list[dict[str, Any]]:
        """Rows of a view that has seen all that was posted."""
        rows: list[dict[str, Any]] = self.get(f"/v1/views/{view}", after=str(self.service.log.end()), **query)["rows"]
        return rows


def publish(
    home: Home,
    models: dict[str, Any] | None = None,
    promoted: dict[str, int] | None = None,
    number: int | None = None,
) -> int:
    """What a batch run does to the service, in little: marker, files, marker. Returns the generation."""
    service = home.service
    cut = service.log.mark({"kind": "batch_started", "run": "r"})
    number = number or next_number(home)
    views = {view.name: _published(home, view, cut) for view in service.app.views.values()}
    content = {
        "generation": number,
        "cut": f"0:{cut}",
        "run": "r",
        "views": views,
        "models": models or {},
    }
    raw, sha256 = written(content)
    service.generations.blobs.store.create(manifest_name(number, sha256), raw)
    service.log.mark(Publication(number, Cut((cut,)), sha256, "r", promoted or {}).event())
    return number


def next_number(home: Home) -> int:
    return len(publications(home.service.log)) + 1


def newest(home: Home) -> Generation:
    """The newest generation, as if nobody had opened it."""
    return Generation.peek(home.service.generations.blobs, publications(home.service.log)[0])


def put(home: Home, content: bytes) -> dict[str, Any]:
    """Put a blob into the store; returns what a manifest says of it."""
    blobs = home.service.generations.blobs
    path = blobs.cache.with_name("made")
    path.write_bytes(content)
    entry = blobs.put(path).entry()
    path.unlink()
    return entry


def place(home: Home, entry: dict[str, Any]) -> Path:
    """Where a blob lies."""
    found = home.service.generations.blobs.store.path(Blob.of(entry).name)
    assert found is not None
    return found


def _published(home: Home, view: View, cut: int) -> dict[str, Any]:
    tiles: Tiles = {}
    newest = None
    for segment in home.service.log.read(Cut()):
        if segment.stream == view.of.name and segment.offset < cut:
            part = segment.head(cut)
            view.fold(tiles, Events(view.of, 0, part.offset, part.times, part.data))
            newest = max([*part.times, *([newest] if newest is not None else [])])
    rows = [(*key, start, *view.pack(cells)) for key, by_start in tiles.items() for start, cells in by_start.items()]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "index"
        index_file.create(path, view, [rows])
        file = put(home, path.read_bytes())
    return {
        "fingerprint": view.fingerprint,
        "keep_us": view.keep_us,
        "watermark": newest,
        "rows": len(rows),
        "layers": [{"index": file, "table": put(home, b"nobody reads it"), "rows": len(rows)}],
    }


def rental(number: int, station: str = "a", started: str = "2023-11-01T10:20:00Z", **fields: Any) -> dict[str, Any]:
    return {"rental_id": str(number), "station": station, "started": started, "minutes": 10.0, **fields}


@pytest.fixture
def make_home(tmp_path: Path) -> Iterator[Callable[..., Home]]:
    closing: list[Callable[[], None]] = []

    def make(adopt: bool = True, app: App = app, **changes: Any) -> Home:
        database = Database(f"sqlite:///{tmp_path / 'log.db'}")
        log = SqlLog(database, clock=lambda: NOW)
        generations = Generations(Blobs(FolderStore(tmp_path), tmp_path / "cache"), KEY)

        def adopted(publication: Publication) -> bool:
            return generations.get(publication).number > 0

        def published(publication: Publication) -> PublishedLayer:
            return PublishedLayer(generations.get(publication))

        checkpoints = Checkpoints(tmp_path / "checkpoints", KEY)
        consumer = Consumer(app, log, checkpoints, adopted, clock=lambda: NOW, published=published)
        started: list[bool] = []

        def start_batch(full: bool) -> str:
            if started:
                raise LeaseHeldError("somebody")
            started.append(full)
            return "run-1"

        service = replace(
            Service(
                app=app,
                log=log,
                speed=consumer.reader,
                generations=generations,
                dead_letters=DeadLetters(database, clock=lambda: NOW),
                runs=Runs(database, clock=lambda: NOW),
                counts=lambda: {"rentals": 3},
                limits=BodyLimits(max_events=1_000, max_body_bytes=100_000),
                api_key=None,
                start_batch=start_batch,
                clock=lambda: NOW,
                recorder=Recorder(log, EventFinder(database, log, Lake(tmp_path / "lake"))),
            ),
            **changes,
        )
        consumer.start()
        service.recorder.start()
        client = Client(create_api(service))
        closing.extend([database.close, log.close, generations.close, consumer.stop, service.recorder.close])
        closing.append(client.close)
        return Home(client, service, consumer, started)

    yield make
    for close in reversed(closing):
        close()


@pytest.fixture
def home(make_home: Callable[..., Home]) -> Home:
    return make_home()
