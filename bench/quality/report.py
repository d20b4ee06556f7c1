"""The tables of the study, as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import exp, log

Ratios = Mapping[str, Mapping[str, float]]
"""By stream, then by blend: the loss divided by that of the best expert."""


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """
    >>> print(markdown(["stream", "blend"], [["bikes", "0.92"]]))
    | stream | blend |
    |---|---|
    | bikes | 0.92 |
    """
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("|" + "|".join(line) + "|" if line is lines[1] else f"| {' | '.join(line)} |" for line in lines)


def scores_table(scores: Mapping[str, Mapping[str, float]]) -> str:
    """Of every stream: the loss of each way to predict, and the blend's against each."""
    head = ["stream", "batch never retrained", "batch retrained", "speed", "blend",
            "blend / better of batch and speed", "blend / retrained only", "blend / never retrained"]  # fmt: skip
    rows = []
    for name, of in scores.items():
        ratios = [of["blend"] / min(of["batch"], of["speed"]), of["blend"] / of["batch"], of["blend"] / of["once"]]
        losses = [f"{of[way]:.4g}" for way in ("once", "batch", "speed", "blend")]
        rows.append([name, *losses, *(f"{ratio:.3f}" for ratio in ratios)])
    return markdown(head, rows)


def blends_table(ratios: Ratios) -> str:
    """Of every stream and blend: the ratio; below, the largest and the geometric mean."""
    names = list(next(iter(ratios.values())))
    rows = [[stream, *(f"{of[name]:.3f}" for name in names)] for stream, of in ratios.items()]
    rows.append(["largest", *(f"{max(of[name] for of in ratios.values()):.3f}" for name in names)])
    rows.append(["geometric mean", *(f"{geometric([of[name] for of in ratios.values()]):.3f}" for name in names)])
    return markdown(["stream", *names], rows)


def geometric(ratios: Sequence[float]) -> float:
    """
    >>> geometric([0.5, 2.0])
    1.0
    """
    return exp(sum(log(ratio) for ratio in ratios) / len(ratios))
