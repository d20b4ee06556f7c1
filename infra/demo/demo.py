"""``anabranch demo``: an example, end to end, through the commands and the API that everybody uses."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from infra.children import Child, end_children
from infra.demo.model_display import ask_model, show_model
from infra.demo.shows import SHOWS, Show, ShownRequest
from infra.demo.stage import BatchRuns, Stage, free_port, fresh_folder
from infra.demo.traffic import Client
from infra.demo.view_display import show_view
from infra.errors import UsageError
from infra.progress_display import progress
from infra.settings import Settings
from infra.terminal import console

_EVENTS_BESIDE_A_RUN = 2_000
"""Traffic waits for a batch run after so many: months pass in a minute here, and a run is to end in its own month."""
_LAG_SECONDS = 0.5
"""Traffic waits when the fold is further behind."""
_LOOKED_AT_EVENTS = 500
_QUIET_SECONDS = 120
_DRIFT_SECONDS = 10


def run_demo(settings: Settings, show: Show, *, stay: bool) -> None:
    """Show all of an example in the folder ``demo`` of the home, then serve on (`stay`) or end.

    Whatever ends it, what it started has ended by then.
    """
    try:
        _run_demo(settings, show, stay)
    finally:
        end_children()


def _run_demo(settings: Settings, show: Show, stay: bool) -> None:
    stage = Stage(fresh_folder(settings.home.resolve() / "demo"), show.application_path, free_port(settings.port))
    requests = show.posted()
    border = int(len(requests) * show.history)
    history, live = requests[:border], requests[border:]
    say = _Steps()
    if show.imported is not None:
        say(f"Import the first {show.history:.0%} of the events of {show.data}: history, straight into the log")
        stage.run("import", str(_file_of(history, stage.home)), "--stream", show.imported)
    say("The service: ingest, the fold, the merged views, models that learn from every event")
    with stage.service() as service, closing(Client(stage.port)) as client:
        client.wait_until_ready()
        if show.imported is None:
            say(f"Post the first {show.history:.0%} of the events of {show.data}, in the order of their time: history")
            _post(client, history)
        say("A batch run: archive to the lake, fold and train in parallel, publish generation 1")
        stage.run_batch()
        say("The rest as live traffic, and " + show.runs_said)
        position = _live(stage, client, live, show)
        say("What the merged views answer")
        show_view(client, show.view, position)
        say("What the model lost: every event is predicted before anybody learns from it")
        show_model(client, show.model)
        say("Ask it")
        ask_model(client, show, stage.address)
        say("Proof: every view recomputed from the raw log by another road, and compared")
        stage.run("verify")
        say(f"Look around: {stage.address}/docs")
        console().print(
            f"  curl '{stage.address}/v1/views/{show.view.name}?last={show.view.last}&group=total&layer=speed'\n"
            f"  curl '{stage.address}/v1/models/{show.model}'\n"
            f"  curl '{stage.address}/readyz'",
            soft_wrap=True,
            markup=False,
        )
        if stay:
            console().print("It serves on until Ctrl-C.")
            _serve_on(service)


def show_of(name: str) -> Show:
    """The demonstration of an example; raises `UsageError` if there is none, or its files are not there."""
    if name not in SHOWS:
        raise UsageError(f"there is no example {name!r}; take one of {', '.join(SHOWS)}")
    show = SHOWS[name]
    if not show.application_path.is_file() or not show.data_path.is_file():
        raise UsageError(f"the example is not at {show.application_path}; run the demo from a clone of the repository")
    return show


def _file_of(requests: Sequence[ShownRequest], home: Path) -> Path:
    """The events of some requests as a file to import."""
    history = home / "history.ndjson"
    with history.open("wb") as file:
        for request in requests:
            file.writelines(line + b"\n" for line in request.lines)
    return history


def _post(client: Client, requests: Sequence[ShownRequest]) -> None:
    """Post as fast as the service takes it."""
    with progress() as shown:
        shown.stage("history", sum(len(request.lines) for request in requests))
        position = "0:0"
        for request in requests:
            position = client.post(request.stream, request.lines)["position"]
            shown.advance(len(request.lines))
        client.wait_until_past(position, _QUIET_SECONDS)
        shown.end()


def _live(stage: Stage, client: Client, requests: Sequence[ShownRequest], show: Show) -> str:
    """Post the events as they come, with batch runs in the middle; returns the last position."""
    batch_runs, alarms = BatchRuns(stage), _Alarms(client, show)
    total = sum(len(request.lines) for request in requests)
    starts = [round(part * total) for part in show.runs]
    position, posted, looked, beside, due = "0:0", 0, 0, 0, time.monotonic()
    with progress() as shown:
        shown.stage("live", total)
        for request in requests:
            position = client.post(request.stream, request.lines)["position"]
            posted += len(request.lines)
            shown.advance(len(request.lines))
            if starts and posted >= starts[0]:
                starts.pop(0)
                _wait_for_runs(client)
                batch_runs.start()
            if posted - looked >= _LOOKED_AT_EVENTS:
                alarms.await_run()
                at_work = batch_runs.at_work or _runs_at_work(client)
                beside = beside + posted - looked if at_work else 0
                looked = posted
                shown.note(_keep_up(client) + ("  batch run at work" if at_work else ""))
            if beside >= _EVENTS_BESIDE_A_RUN:
                batch_runs.wait()
                _wait_for_runs(client)
                beside = 0
            due = max(due + len(request.lines) / show.events_per_second, time.monotonic() - 1.0)
            time.sleep(max(0.0, due - time.monotonic()))
        batch_runs.wait()
        _wait_for_runs(client)
        shown.end()
    return position


class _Alarms:
    """The drift alarms of a model that is trained again by them: traffic waits until the run has begun.

    It takes some seconds, in which years would pass.
    """

    def __init__(self, client: Client, show: Show):
        self._client = client
        self._path = f"/v1/models/{show.model}"
        self._heard = not show.runs
        self._seen = self._count()

    def await_run(self) -> None:
        """If there was another alarm, and no run is at work, wait for the one that it starts."""
        count = self._count() if self._heard else 0
        if count <= self._seen:
            return
        self._seen = count
        deadline = time.monotonic() + _DRIFT_SECONDS
        while not _runs_at_work(self._client) and time.monotonic() < deadline:
            time.sleep(0.05)

    def _count(self) -> int:
        return len(self._client.get(self._path)["alarms"])


def _keep_up(client: Client) -> str:
    """How far the fold is, once it is not far behind."""
    while (now := client.get("/readyz"))["lag_seconds"] > _LAG_SECONDS:
        time.sleep(0.02)
    return f"lag {now['lag_seconds'] * 1000:.0f} ms  generation {now['generation']}"


def _runs_at_work(client: Client) -> bool:
    """Whether a batch run is at work, whoever started it."""
    return any(run["status"] == "running" for run in client.get("/v1/batch/runs", limit=5)["runs"])


def _wait_for_runs(client: Client) -> None:
    """Wait for batch runs, also those that drift has started."""
    deadline = time.monotonic() + _QUIET_SECONDS
    while _runs_at_work(client):
        if time.monotonic() > deadline:
            raise UsageError("a batch run does not end; see anabranch batch list")
        time.sleep(0.05)


def _serve_on(service: Child) -> None:
    try:
        service.wait()
    except KeyboardInterrupt:
        console().print("\nstopping")


class _Steps:
    """Headlines, numbered."""

    def __init__(self) -> None:
        self._said = 0

    def __call__(self, text: str) -> None:
        self._said += 1
        out = console()
        out.print()
        out.print(f"[bold green]{self._said}[/] [bold]{text}[/]")
