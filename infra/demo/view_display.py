"""How a demonstration shows a view: the rows of late, and of which parts an answer is made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.table import Table

from infra.demo.shows import ViewShown
from infra.demo.traffic import Client
from infra.terminal import console

_ROWS_SHOWN = 8


def show_view(client: Client, shown: ViewShown, position: str) -> None:
    """What a view answers once the fold has passed `position`, and how batch and speed add up to it."""
    path = f"/v1/views/{shown.name}"
    answer = client.get(path, last=shown.last, group="total", after=position, timeout_ms=60_000)
    fields = [name for name in answer["rows"][0] if name not in ("tile", *shown.columns.values())]
    first = next(iter(shown.columns.values()))
    table = _table(shown.title, *shown.columns)
    for row in sorted(answer["rows"], key=lambda row: -row[first])[:_ROWS_SHOWN]:
        table.add_row(_key(row, fields), *(_number(row[name]) for name in shown.columns.values()))
    out = console()
    out.print(table)
    out.print(
        f"generation {answer['generation']} covers [0, {answer['batch_cut']}), the fold goes on to"
        f" {answer['speed_cut']}, {answer['lag_seconds'] * 1000:.0f} ms behind the log\n"
    )
    counts = {
        layer: {
            _key(row, fields): row[shown.counted]
            for row in client.get(path, group="total", layer=layer, limit=10_000)["rows"]
        }
        for layer in ("merged", "batch", "speed")
    }
    table = _table(f"{shown.counted}, all kept time", "batch", "+ speed", "= merged")
    for key, merged in sorted(counts["merged"].items(), key=lambda item: -item[1])[:_ROWS_SHOWN]:
        table.add_row(key, f"{counts['batch'].get(key, 0):,}", f"{counts['speed'].get(key, 0):,}", f"{merged:,}")
    out.print(table)


def _key(row: Mapping[str, Any], fields: list[str]) -> str:
    return ", ".join(str(row[name]) for name in fields)


def _number(value: float | None) -> str:
    if value is None:
        return ""
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.1f}" if abs(value) >= 1.0 else f"{value:.2f}"


def _table(first: str, *others: str) -> Table:
    table = Table(first, box=None, pad_edge=False)
    for other in others:
        table.add_column(other, justify="right")
    return table
