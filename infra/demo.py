"""``anabranch demo``: the bundled example, end to end, through the commands and the API that everybody uses."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.table import Table

from infra.errors import UsageError
from infra.progress import progress
from infra.rows import Place, Rows
from infra.settings import Settings
from infra.terminal import console
from infra.traffic import Client

ROOT = Path(__file__).parent.parent
APPLICATION = ROOT / "examples" / "bikes.py"
DATA = ROOT / "examples" / "data" / "bikes.parquet"
_MARK = ".anabranch-demo"
_REQUEST_EVENTS = 50
_EVENTS_PER_SECOND = 2_500
_SHOWN_STATIONS = 8


def run_demo(settings: Settings, *, stay: bool) -> None:
    """Show all of it in the folder ``demo`` of the home, then serve on (`stay`) or end."""
    if not APPLICATION.is_file() or not DATA.is_file():
        raise UsageError(f"the example is not at {APPLICATION.parent}; run the demo from a clone of the repository")
    stage = _Stage(_fresh_folder(settings.home.resolve() / "demo"), _port(settings.port))
    history, live = _divide(stage.home)

    _say("1", f"Import the first two thirds of {DATA.name}: history, straight into the log")
    stage.run("import", str(history), "--stream", "rentals")
    _say("2", "A batch run: archive to the lake, fold in parallel, publish generation 1")
    stage.run("batch", "run")
    _say("3", "The service: ingest, the fold, the merged views")
    with stage.service() as service:
        client = Client(stage.port)
        client.wait_until_ready()
        _say("4", "The last third as live traffic, and in the middle of it a second batch run")
        position = _live(stage, client, live)
        _say("5", "What the merged views answer")
        _show_answers(client, position)
        _say("6", "Proof: every view recomputed from the raw log by another road, and compared")
        stage.run("verify")
        _say("7", f"Look around: {stage.address}/docs")
        console().print(
            f"  curl '{stage.address}/v1/views/usage?station=Market+at+4th&last=24h'\n"
            f"  curl '{stage.address}/v1/views/usage?last=24h&group=total&layer=speed'\n"
            f"  curl '{stage.address}/readyz'",
            soft_wrap=True,
            markup=False,
        )
        if stay:
            console().print("It serves on until Ctrl-C.")
            _serve_on(service)


class _Stage:
    """Where the demonstration plays: a home, a port, and the command line."""

    def __init__(self, home: Path, port: int):
        self.home = home
        self.port = port
        self.address = f"http://127.0.0.1:{port}"
        # nothing of the user's own settings: a demonstration must not touch their database
        own = {name: value for name, value in os.environ.items() if not name.upper().startswith("ANABRANCH_")}
        paths = os.pathsep.join(path for path in (str(ROOT), own.get("PYTHONPATH")) if path)
        self._environment = {
            **own,
            "ANABRANCH_HOME": str(home),
            "ANABRANCH_APP": str(APPLICATION),
            "PYTHONPATH": paths,
        }

    def run(self, *words: str) -> None:
        """Run a command as a user would; raises `UsageError` if it fails."""
        console().print(f"$ anabranch {' '.join(_short(word) for word in words)}", style="cyan", markup=False)
        if (code := self.start(*words).wait()) != 0:
            raise UsageError(f"anabranch {words[0]} ended with exit code {code}")

    def start(self, *words: str, quiet: bool = False) -> subprocess.Popen[bytes]:
        """Start a command beside this process."""
        sink = subprocess.DEVNULL if quiet else None
        command = [sys.executable, "-m", "infra.cli", *words]
        # in the home: a .env of the user's must not be read
        return subprocess.Popen(command, cwd=self.home, env=self._environment, stdout=sink, stderr=sink)

    @contextmanager
    def service(self) -> Iterator[subprocess.Popen[bytes]]:
        """``anabranch up``, ended at the end."""
        console().print(f"$ anabranch up --port {self.port}", style="cyan")
        with (self.home / "service.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "infra.cli", "up", "--port", str(self.port)],
                cwd=self.home,
                env=self._environment,
                stderr=log,
            )
        try:
            yield process
        finally:
            process.terminate()
            process.wait(30)


def _live(stage: _Stage, client: Client, live: list[bytes]) -> str:
    """Post the events in small requests, with a batch run in the middle; returns the last position."""
    batch: subprocess.Popen[bytes] | None = None
    position, begun = "0:0", time.monotonic()
    with progress() as shown:
        shown.stage("live", len(live))
        for first in range(0, len(live), _REQUEST_EVENTS):
            answer = client.post("rentals", live[first : first + _REQUEST_EVENTS])
            position = answer["position"]
            shown.advance(answer["accepted"])
            if batch is None and first >= len(live) // 3:
                batch = stage.start("batch", "run", quiet=True)
            if first % (_REQUEST_EVENTS * 10) == 0:
                now = client.get("/readyz")
                running = "  batch run at work" if batch is not None and batch.poll() is None else ""
                shown.note(f"lag {now['lag_seconds'] * 1000:.0f} ms  generation {now['generation']}{running}")
            time.sleep(max(0.0, begun + first / _EVENTS_PER_SECOND - time.monotonic()))
        shown.end()
    if batch is not None and batch.wait() != 0:
        raise UsageError(f"the second batch run ended with exit code {batch.returncode}; see anabranch batch list")
    return position


def _show_answers(client: Client, position: str) -> None:
    """The busiest stations of the last day, and of which parts the answer over all time is made."""
    day = client.get("/v1/views/usage", last="24h", group="total", after=position)
    table = _table("busiest in the last 24 h", "rentals", "mean minutes", "90 % within", "riders")
    for row in sorted(day["rows"], key=lambda row: -row["rentals"])[:_SHOWN_STATIONS]:
        table.add_row(
            row["station"], f"{row['rentals']:,}", f"{row['minutes']:.1f}", f"{row['p90']:.1f}", f"{row['riders']:,}"
        )
    out = console()
    out.print(table)
    out.print(
        f"generation {day['generation']} covers [0, {day['batch_cut']}), the fold goes on to {day['speed_cut']},"
        f" {day['lag_seconds'] * 1000:.0f} ms behind the log\n"
    )
    counts = {
        layer: {
            row["station"]: row["rentals"]
            for row in client.get("/v1/views/usage", group="total", layer=layer, limit=10_000)["rows"]
        }
        for layer in ("merged", "batch", "speed")
    }
    table = _table("rentals, all kept time", "batch", "+ speed", "= merged")
    for station, merged in sorted(counts["merged"].items(), key=lambda item: -item[1])[:_SHOWN_STATIONS]:
        table.add_row(
            station, f"{counts['batch'].get(station, 0):,}", f"{counts['speed'].get(station, 0):,}", f"{merged:,}"
        )
    out.print(table)


def _table(first: str, *others: str) -> Table:
    table = Table(first, box=None, pad_edge=False)
    for other in others:
        table.add_column(other, justify="right")
    return table


def _serve_on(service: subprocess.Popen[bytes]) -> None:
    try:
        service.wait()
    except KeyboardInterrupt:
        console().print("\nstopping")


def _divide(home: Path) -> tuple[Path, list[bytes]]:
    """The first two thirds of the data as a file, the rest as events."""
    from pyarrow import parquet

    table = parquet.read_table(DATA)
    border = table.num_rows * 2 // 3
    history = home / "history.parquet"
    parquet.write_table(table.slice(0, border), history)
    live = [row for batch in Rows.of(DATA).batches(Place(border)) for row in batch.rows]
    return history, live


def _fresh_folder(folder: Path) -> Path:
    """An empty folder; one that an earlier demonstration left is removed, anything else is not touched."""
    if folder.exists() and any(folder.iterdir()):
        if not (folder / _MARK).exists():
            raise UsageError(f"{folder} is not empty and was not made by a demo; pass another --home")
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _MARK).touch()
    return folder


def _port(wanted: int) -> int:
    """The wanted port, or a free one if it is taken."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise UsageError("no port is free")


def _short(word: str) -> str:
    """A path as its last part: the line is for reading."""
    return Path(word).name if os.sep in word else word


def _say(number: str, text: str) -> None:
    out = console()
    out.print()
    out.print(f"[bold green]{number}[/] [bold]{text}[/]")
