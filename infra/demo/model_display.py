"""How a demonstration shows a model: scores, a chart of the loss over the stream, alarms, and a prediction."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import sqrt
from typing import Any

from rich.table import Table
from rich.text import Text

from infra.demo.shows import Show
from infra.demo.traffic import Client
from infra.terminal import console

_COLUMNS = 60
_BLOCKS = "▁▂▃▄▅▆▇█"
_LOSSES = {"squared_error": "RMSE", "absolute_error": "mean absolute error", "log_loss": "log loss"}
_STYLES = {"batch": "blue", "blend": "bold green"}


def show_model(client: Client, name: str) -> None:
    """The scores of a model, its loss over the stream, its versions and alarms."""
    model = client.get(f"/v1/models/{name}")
    out = console()
    out.print(_scores(model))
    out.print(_verdict(model), highlight=False)
    out.print()
    for line in _chart(model, _alarm_times(client, model["alarms"])):
        out.print(line)
    out.print()
    out.print(_versions(model))
    for alarm, time in zip(model["alarms"], _alarm_times(client, model["alarms"]), strict=True):
        out.print(f"[yellow]drift alarm at {alarm['at']}[/], when the log had come to {time[:10]}")
    if (skew := model["skew"]) is not None:
        out.print(
            f"features that the speed layer froze and the batch replay: {skew['checked']:,} compared,"
            f" {skew['unequal']:,} unequal"
        )
    if (labels := model["labels"]) is not None:
        out.print("labels: " + ", ".join(f"{count:,} {what}" for what, count in labels.items() if count))


def ask_model(client: Client, show: Show, address: str) -> None:
    """A prediction, by the command that everybody can type, and its answer."""
    question = json.dumps(show.question)
    out = console()
    out.print(
        f"$ curl -s {address}/v1/models/{show.model}/predict -H 'Content-Type: application/json' \\\n"
        f"       -d '{question}'",
        style="cyan",
        markup=False,
        soft_wrap=True,
    )
    answer = client.ask(f"/v1/models/{show.model}/predict", question.encode())
    lines = [f"  {json.dumps(name)}: {json.dumps(_rounded(value))}" for name, value in answer.items()]
    out.print("{\n" + ",\n".join(lines) + "\n}", markup=False, highlight=False, soft_wrap=True)


def _scores(model: Mapping[str, Any]) -> Table:
    """Expert by expert, the blend last; the best loss of each column is bold."""
    scores = model["scores"]
    table = Table(box=None, pad_edge=False, title=_LOSSES[model["metric"]], title_justify="left", title_style="bold")
    table.add_column(model["model"])
    for heading in ("whole stream", "last 1,000", "examples", "weight now"):
        table.add_column(heading, justify="right")
    measures = [[_measure(model, score[which]) for score in scores.values()] for which in ("loss", "recent")]
    best = [min((value for value in column if value is not None), default=None) for column in measures]
    for row, (expert, score) in enumerate(scores.items()):
        weight = model["weights"].get(expert)
        table.add_row(
            Text(expert, style=_STYLES.get(expert, "magenta")),
            *(_number(column[row], column[row] == least) for column, least in zip(measures, best, strict=True)),
            f"{score['count']:,}",
            "" if weight is None else f"{weight:.2f}",
        )
    return table


def _verdict(model: Mapping[str, Any]) -> str:
    """The blend beside the better of its experts."""
    losses = {name: _measure(model, score["loss"]) for name, score in model["scores"].items()}
    blend = losses.pop("blend", None)
    known = {name: loss for name, loss in losses.items() if loss is not None}
    if blend is None or not known:
        return "nothing was scored yet"
    best = min(known, key=lambda name: known[name])
    return f"the blend lost {blend / known[best]:.3f} of what {best}, the better one, lost alone"


def _measure(model: Mapping[str, Any], loss: float | None) -> float | None:
    """A mean loss in the unit of the label."""
    return sqrt(loss) if loss is not None and model["metric"] == "squared_error" else loss


def _number(value: float | None, best: bool) -> Text:
    return Text("" if value is None else f"{value:.4g}", style="bold" if best else "")


def _chart(model: Mapping[str, Any], alarms: Sequence[str]) -> list[Text]:
    """A line of blocks for every expert, all of one scale; below it, where a new version came and where an alarm."""
    columns = _columns(model["series"])
    if not columns:
        return [Text("no example was scored yet")]
    experts = [expert for expert in model["scores"] if any(expert in column["loss"] for column in columns)]
    means = {expert: [_measure(model, column["loss"].get(expert)) for column in columns] for expert in experts}
    known = [value for line in means.values() for value in line if value is not None]
    low, high = min(known), max(known)
    width = max(len("version"), *map(len, experts))
    lines = []
    for expert in experts:
        blocks = "".join(_block(value, low, high) for value in means[expert])
        lines.append(Text.assemble(f"{expert:<{width}} ", (blocks, _STYLES.get(expert, "magenta"))))
    lines.append(Text(f"{'version':<{width}} {_marks(columns)}"))
    if alarms:
        marked = {_column_of(columns, time) for time in alarms}
        marks = "".join("!" if at in marked else " " for at in range(len(columns)))
        lines.append(Text.assemble(f"{'drift':<{width}} ", (marks, "bold yellow")))
    span = f"{columns[0]['time'][:10]} .. {columns[-1]['time'][:10]}"
    lines.append(Text(f"{'':<{width}} {span}; ▁ is {low:.3g}, █ is {high:.3g}", style="dim"))
    return lines


def _columns(series: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The points of a series, as few as there is room for: neighbours are joined."""
    edges = [len(series) * at // min(_COLUMNS, len(series) or 1) for at in range(min(_COLUMNS, len(series)) + 1)]
    return [_joined(series[low:high]) for low, high in pairwise(edges)]


def _joined(points: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    losses = {}
    for expert in points[0]["loss"]:
        having = [point for point in points if expert in point["loss"]]
        total = sum(point["count"] for point in having)
        losses[expert] = sum(point["loss"][expert] * point["count"] for point in having) / total
    return {"time": points[0]["time"], "loss": losses, "version": points[-1]["version"]}


def _block(value: float | None, low: float, high: float) -> str:
    if value is None:
        return " "
    share = (value - low) / (high - low) if high > low else 0.0
    return _BLOCKS[min(len(_BLOCKS) - 1, int(share * len(_BLOCKS)))]


def _marks(columns: Sequence[Mapping[str, Any]]) -> str:
    """The number of a version, where it became the champion."""
    marks, before = "", None
    for at, column in enumerate(columns):
        version = column["version"]
        if version != before and len(marks) <= at:
            marks += f"{version}"
        elif len(marks) <= at:
            marks += " "
        before = version
    return marks


def _column_of(columns: Sequence[Mapping[str, Any]], time: str) -> int:
    return max((at for at, column in enumerate(columns) if column["time"] <= time), default=0)


def _alarm_times(client: Client, alarms: Sequence[Mapping[str, Any]]) -> list[str]:
    """When the events happened at which there was an alarm."""
    return [_event_time(client, alarm["at"]) for alarm in alarms]


def _event_time(client: Client, position: str) -> str:
    for stream in client.get("/v1/streams")["streams"]:
        events = client.get(f"/v1/streams/{stream['stream']}/events", after=position, limit=1)["events"]
        if events and f"{events[0]['partition']}:{events[0]['offset']}" == position:
            return str(events[0]["time"])
    return ""


def _versions(model: Mapping[str, Any]) -> Table:
    table = Table("version", "trained on", "holdout", "status", box=None, pad_edge=False)
    for column in table.columns[:3]:
        column.justify = "right"
    for version in model["versions"]:
        holdout = _measure(model, version["holdout"])
        loss = "" if holdout is None else f"{holdout:.4g}"
        table.add_row(f"{version['version']}", f"{version['rows']:,}", loss, version["status"])
    return table


def _rounded(value: Any) -> Any:
    """Numbers as a person wants to read them."""
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, dict):
        return {name: _rounded(inner) for name, inner in value.items()}
    return value
