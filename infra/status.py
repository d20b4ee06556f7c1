"""``anabranch status``: how things stand, from the running service if there is one, and from the disk."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
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
    ready = _answer(settings, "/readyz")
    if ready is None:
        return [("service", f"none at {address}")]
    rows = [("service", f"at {address}"), *((name.replace("_", " "), str(value)) for name, value in ready.items())]
    models = _answer(settings, "/v1/models") or {}
    return rows + [(f"model {model['model']}", model_text(model)) for model in models.get("models", [])]


def model_text(model: Mapping[str, Any]) -> str:
    """How a model stands, as ``GET /v1/models`` tells it: champion and troubles, weights, losses."""
    champion = "no champion yet" if model["champion"] is None else f"champion {model['champion']}"
    facts = [champion, f"drift alarms: {model['alarms'] or 'none'}"]
    if model["diverged"]:
        facts.append(f"diverged: {', '.join(model['diverged'])}")
    if model["failed"]:
        facts.append(f"events without features: {model['failed']:,}")
    weights = ", ".join(f"{expert} {weight:.2f}" for expert, weight in model["weights"].items())
    lines = ["; ".join(facts), f"weights: {weights}"]
    scores = {expert: score for expert, score in model["scores"].items() if score["recent"] is not None}
    if scores:
        count = max(score["count"] for score in scores.values())
        told = ", ".join(f"{expert} {score['recent']:.4g} ({score['loss']:.4g})" for expert, score in scores.items())
        lines.append(f"{model['metric']}, recent (all {count:,}): {told}")
    return "\n".join(lines)


def _answer(settings: Settings, path: str) -> dict[str, Any] | None:
    """What the service says there; None if nobody answers."""
    headers = {}
    if settings.api_key is not None:
        headers["Authorization"] = f"Bearer {settings.api_key.get_secret_value()}"
    connection = http.client.HTTPConnection(settings.host, settings.port, timeout=_TIMEOUT_SECONDS)
    try:
        connection.request("GET", path, headers=headers)
        answer = json.loads(connection.getresponse().read())
    except (OSError, ValueError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    return answer if isinstance(answer, dict) else None
