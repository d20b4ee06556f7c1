"""``anabranch status``: how things stand, from the running service if there is one, and from the disk."""

from __future__ import annotations

import http.client
import json
from typing import Any

from rich.table import Table

from anabranch.instant import iso
from infra.process import Process
from infra.settings import Settings
from infra.terminal import console
from speed.recovery import publications

_TIMEOUT_SECONDS = 3


def show_status(process: Process) -> None:
    """Print it."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold")
    table.add_column()
    for name, value in [*_of_disk(process), *_of_service(process.settings)]:
        table.add_row(name, value)
    console().print(table)


def _of_disk(process: Process) -> list[tuple[str, str]]:
    end, begin = process.log.end(), process.log.begin()
    newest = max(publications(process.log), key=lambda publication: publication.generation, default=None)
    checkpoint = next(iter(process.checkpoints.newest_first()), None)
    rows = [
        ("home", str(process.home)),
        ("log", f"ends at {end}; hot from {begin} on"),
        ("generation", "none yet" if newest is None else f"{newest.generation}, covers everything before {newest.cut}"),
        ("checkpoint", "none yet" if checkpoint is None else f"at 0:{int(checkpoint.stem)}"),
    ]
    run = next(iter(process.runs.list(1)), None)
    if run is not None:
        rows.append(("last batch run", f"{run.id} {run.status}, started {iso(run.started)[:19]}Z"))
    return rows


def _of_service(settings: Settings) -> list[tuple[str, str]]:
    address = f"http://{settings.host}:{settings.port}"
    ready = _readiness(settings)
    if ready is None:
        return [("service", f"none at {address}")]
    return [("service", f"at {address}"), *((name.replace("_", " "), str(value)) for name, value in ready.items())]


def _readiness(settings: Settings) -> dict[str, Any] | None:
    """What ``/readyz`` says; None if nobody answers."""
    headers = {}
    if settings.api_key is not None:
        headers["Authorization"] = f"Bearer {settings.api_key.get_secret_value()}"
    connection = http.client.HTTPConnection(settings.host, settings.port, timeout=_TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/readyz", headers=headers)
        answer = json.loads(connection.getresponse().read())
    except (OSError, ValueError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    return answer if isinstance(answer, dict) else None
