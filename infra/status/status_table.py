"""How ``anabranch status`` looks to a person."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from rich.live import Live
from rich.markup import escape
from rich.table import Table

from anabranch.instant import instant_us
from infra.terminal import console

_PROBLEMS = 3
"""Of each run, and of the service, so many of the notes are shown."""
_UNITS = ("B", "kB", "MB", "GB", "TB")


def print_status(status: Mapping[str, Any]) -> None:
    """Print it."""
    console().print(table_of(status))


def watch_statuses(statuses: Iterable[Mapping[str, Any]]) -> None:
    """Show one after the other: in a terminal in the same place, else one below the other."""
    out = console()
    if not out.is_terminal:
        for status in statuses:
            out.print(table_of(status))
            out.print()
        return
    with Live(console=out, auto_refresh=False, vertical_overflow="visible") as live:
        for status in statuses:
            live.update(table_of(status), refresh=True)


def table_of(status: Mapping[str, Any]) -> Table:
    """The whole as one table."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold")
    table.add_column()
    for name, value in rows_of(status):
        table.add_row(name, escape(value))
    return table


def rows_of(status: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Name and value of each row."""
    yield "service", _service(status)
    yield "home", status["home"]
    yield "log", "not known" if status["log_end"] is None else f"ends at {status['log_end']}"
    if status["service"] in ("ready", "not ready"):
        yield from _running(status)
    elif status["service"] == "none":
        yield "checkpoint", "none yet" if status["speed_cut"] is None else f"at {status['speed_cut']}"
    yield "generation", _generation(status)
    for run in status["runs"]:
        yield "batch run", run_text(run)
    if status["next_run"] is not None:
        wait = (instant_us(status["next_run"]) - instant_us(status["time"])) / 1e6
        yield "next run", f"{status['next_run'][:19]}Z, in {duration(max(0.0, wait))}"
    for model in status["models"]:
        yield f"model {model['model']}", model_text(model)


def _service(status: Mapping[str, Any]) -> str:
    if status["service"] == "none":
        problem = "" if status["problem"] is None else f"; {status['problem']}"
        return f"none at {status['address']}{problem}"
    if status["service"] == "refused":
        return str(status["problem"])
    told = f"{status['app']} at {status['address']}, "
    return told + ("ready" if status["problem"] is None else f"not ready: {status['problem']}")


def _running(status: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What only a service knows."""
    yield "ingest", f"{_rate(status['ingest_per_second'])} events/s, the mean of the last minute"
    for warning in list(dict.fromkeys(status.get("warnings", [])))[-_PROBLEMS:]:  # an older service tells none
        yield "note", warning
    yield "fold", f"at {status['speed_cut']}; {_rate(status['fold_per_second'])} records/s now"
    yield "lag", f"{status['lag_seconds']:.3g} s"
    yield "epochs", _epochs(status)
    if (waiting := {stream: count for stream, count in status["rejected"].items() if count}) != {}:
        yield "rejected", ", ".join(f"{count:,} of {stream}" for stream, count in waiting.items())
    for stream, seconds in status.get("ahead_seconds", {}).items():
        yield "clock", f"the newest event of {stream} is {duration(seconds)} ahead of it; see anabranch retract"
    dropped = {stream: count for stream, count in status.get("rejected_dropped", {}).items() if count}
    if dropped:
        told = ", ".join(f"{count:,} of {stream}" for stream, count in dropped.items())
        yield "dropped", f"{told}: rejected events that had to make room, see ANABRANCH_REJECTED_KEEP"
    for name, view in status["views"].items():
        batch = "" if view["batch_tiles"] is None else f"; {view['batch_tiles']:,} tiles in the generation"
        failures = _view_failures(view)
        speed = f"{view['keys']:,} keys, {view['tiles']:,} tiles, {size(view['epoch_bytes'])} in the epochs"
        yield f"view {name}", speed + batch + failures
    for name, model in status["predict"].items():
        if model["count"]:
            seconds = (
                f"half within {model['p50_seconds'] * 1e3:.2g} ms, 99 % within {model['p99_seconds'] * 1e3:.2g} ms"
            )
            yield f"predict {name}", f"{model['count']:,} requests since the start; {seconds}"


def _view_failures(view: Mapping[str, Any]) -> str:
    """On how many events its functions raised, as the layers count them."""
    speed, batch = view["failures"], view.get("batch_failures")
    facts = [
        f"{count:,} events {where}"
        for count, where in ((speed, "since the start"), (batch, "in the generation"))
        if count
    ]
    return f"; failed on {' and '.join(facts)}" if facts else ""


def _epochs(status: Mapping[str, Any]) -> str:
    starts = " and ".join(epoch["start"] for epoch in status["epochs"])
    held = sum(view["epoch_bytes"] or 0 for view in status["views"].values())
    memory = "" if status["memory_bytes"] is None else f"; the process has {size(status['memory_bytes'])} in memory"
    return f"{len(status['epochs'])}, from {starts} on; about {size(held)}{memory}"


def _generation(status: Mapping[str, Any]) -> str:
    if status["generation"] is None:
        return "none yet"
    age = status["generation_age_seconds"]
    old = "" if age is None else f"; made {duration(age)} ago"
    return f"{status['generation']}, covers everything before {status['batch_cut']}{old}"


def run_text(run: Mapping[str, Any]) -> str:
    """A batch run with its stages, as ``GET /v1/batch/runs`` tells it."""
    lines = [f"{run['run']} {run['status']}, started {run['started'][:19]}Z, {run['seconds']:.1f} s"]
    if run["error"]:
        lines.append(run["error"])
    problems = run.get("problems", [])  # of a service that is older it tells none
    lines += [f"note: {problem}" for problem in problems[:_PROBLEMS]]
    if len(problems) > _PROBLEMS:
        lines.append(f"and {len(problems) - _PROBLEMS} more: anabranch batch show {run['run']}")
    if run["stages"]:
        now = run["stage"]
        told = (
            f"{stage['name']} {stage['done']:,} of {stage['total']:,}"
            if stage["name"] == now
            else f"{stage['name']} {stage['seconds']:.2f} s"
            for stage in run["stages"]
        )
        lines.append(", ".join(told))
    return "\n".join(lines)


def model_text(model: Mapping[str, Any]) -> str:
    """How a model stands, as ``GET /v1/models`` tells it: champion and troubles, weights, losses."""
    champion = "no champion yet" if model["champion"] is None else f"champion {model['champion']}"
    facts = [champion, f"drift alarms: {model['alarms'] or 'none'}"]
    if model["diverged"]:
        facts.append(f"diverged: {', '.join(model['diverged'])}")
    if model["failed"]:
        facts.append(f"events without features: {model['failed']:,}")
    if model.get("errors"):
        facts.append("raised: " + ", ".join(f"{expert} {count:,} times" for expert, count in model["errors"].items()))
    if model.get("untrained"):
        facts.append("training failed: " + "; ".join(f"{what}: {why}" for what, why in model["untrained"].items()))
    weights = ", ".join(f"{expert} {weight:.2f}" for expert, weight in model["weights"].items())
    lines = ["; ".join(facts), f"weights: {weights}"]
    scores = {expert: score for expert, score in model["scores"].items() if score["recent"] is not None}
    if scores:
        count = max(score["count"] for score in scores.values())
        told = ", ".join(f"{expert} {score['recent']:.4g} ({score['loss']:.4g})" for expert, score in scores.items())
        lines.append(f"{model['metric']}, recent (all {count:,}): {told}")
    return "\n".join(lines)


def duration(seconds: float) -> str:
    """A time span in the one or two largest units.

    >>> duration(42), duration(3 * 3600 + 120), duration(90_000)
    ('42 s', '3 h 2 min', '1 d 1 h')
    """
    whole = round(seconds)
    for unit, inner, one, other in ((86_400, 3_600, "d", "h"), (3_600, 60, "h", "min"), (60, 1, "min", "s")):
        if whole >= unit:
            rest = whole % unit // inner
            return f"{whole // unit} {one}" + (f" {rest} {other}" if rest else "")
    return f"{whole} s"


def size(count: float | None) -> str:
    """Bytes, rounded.

    >>> size(512), size(1_234_567)
    ('512 B', '1.2 MB')
    """
    if count is None:
        return "?"
    for unit in _UNITS[:-1]:
        if round(count) < 1_000:  # what would be rounded to 1,000 has the next unit
            return f"{count:.2g} {unit}" if count < 10 and unit != "B" else f"{count:.0f} {unit}"
        count /= 1_000
    return f"{count:.0f} {_UNITS[-1]}"


def _rate(value: float | None) -> str:
    return "?" if value is None else f"{value:,.4g}" if value < 1_000 else f"{value:,.0f}"
