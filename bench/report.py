"""A figure, and the table of all of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Figure:
    """One measured figure.

    Attributes
    ----------
    what
        What was measured.
    value, unit
        The figure itself.
    target
        What it has to reach, as a person would say it; empty for a figure that only explains another.
    met
        Whether it does; None where there is no target.
    note
        What it was measured against.
    """

    what: str
    value: float
    unit: str
    target: str = ""
    met: bool | None = None
    note: str = ""

    @property
    def text(self) -> str:
        return f"{self.value:,.0f} {self.unit}" if self.value >= 1_000 else f"{self.value:,.3g} {self.unit}"


def at_least(what: str, value: float, unit: str, bound: float, note: str = "") -> Figure:
    """A figure that must not be below `bound`."""
    return Figure(what, value, unit, f"≥ {bound:,g} {unit}", value >= bound, note)


def at_most(what: str, value: float, unit: str, bound: float, note: str = "") -> Figure:
    """A figure that must not be above `bound`."""
    return Figure(what, value, unit, f"≤ {bound:,g} {unit}", value <= bound, note)


def show(figures: Iterable[Figure]) -> None:
    """Print the table."""
    table = Table(title="anabranch benchmarks")
    for column in ("what", "measured", "target", "", "against"):
        table.add_column(column, justify="right" if column == "measured" else "left", overflow="fold")
    for figure in figures:
        mark = {True: "[green]met[/]", False: "[red]missed[/]", None: ""}[figure.met]
        table.add_row(figure.what, figure.text, figure.target, mark, figure.note)
    Console(width=140).print(table)
