"""What `verify` found, and how it is told to people."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from rich.table import Table

from anabranch import Cut
from anabranch.instant import iso
from infra.terminal import console
from infra.verify.comparison import Verdict


@dataclass(frozen=True, slots=True)
class Report:
    """What came out.

    Attributes
    ----------
    cut
        Everything before was compared.
    generation
        The one that answered for the batch part; None: there was none.
    verdicts
        One for each view.
    damaged
        What is not as it was written, a sentence each: of the database, of the lake, of the newest generation.
    warnings
        What else could not be used; answers do not depend on it.
    """

    cut: Cut
    generation: int | None
    verdicts: list[Verdict]
    damaged: list[str]
    warnings: list[str]

    @property
    def right(self) -> bool:
        """Whether every answer agrees and nothing is damaged."""
        return not self.damaged and not any(verdict.wrong for verdict in self.verdicts)


def show(report: Report) -> None:
    """Print the table, and what is wrong."""
    if report.verdicts or not report.damaged:
        _show_verdicts(report)
    out = console()
    for damage in report.damaged:
        out.print(damage, style="red", markup=False, soft_wrap=True)
    for warning in report.warnings:
        out.print(f"note: {warning}", style="yellow", markup=False, soft_wrap=True)


def _show_verdicts(report: Report) -> None:
    out = console()
    table = Table("view", "keys", "tiles", "largest difference", "verdict", box=None, pad_edge=False)
    for column in table.columns[1:4]:
        column.justify = "right"
    for verdict in report.verdicts:
        says = "[green]exact[/]" if not verdict.difference else "[green]within bounds[/]"
        table.add_row(
            verdict.view.name,
            f"{verdict.keys:,}",
            f"{verdict.tiles:,}",
            _difference_text(verdict.difference),
            f"[red]{verdict.wrong:,} wrong[/]" if verdict.wrong else says,
        )
    generation = "no generation" if report.generation is None else f"generation {report.generation}"
    out.print(f"Recomputed from the raw log up to {report.cut}; served from {generation} and the fold behind it.")
    out.print(table)
    for verdict in report.verdicts:
        for fault in verdict.faults:
            key = dict(zip(verdict.view.key_fields, fault.key, strict=True))
            tile = "all time" if verdict.view.tile_us is None else iso(fault.tile)
            out.print(
                f"{verdict.view.name} {key} {tile} {fault.aggregate}:"
                f" expected {_short(fault.expected)}, found {_short(fault.found)}",
                style="red",
                markup=False,
                soft_wrap=True,
            )
        if verdict.wrong > len(verdict.faults):
            out.print(f"{verdict.view.name}: and {verdict.wrong - len(verdict.faults):,} more", style="red")


def _difference_text(difference: float) -> str:
    if difference == 0:
        return "0"
    return "—" if math.isinf(difference) else f"{difference:.1e}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:97]}..."
