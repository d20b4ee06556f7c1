"""The chart of the study: one row a stream, a dot for each way to predict, as an SVG of a few lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

COLOURS = {"once": "#9aa5b1", "batch": "#3e7cb1", "speed": "#d9822b", "blend": "#1f7a4d"}
LEFT, RIGHT, TOP, STEP = 190, 830, 70, 36
LOWEST, HIGHEST = 0.8, 1.2


@dataclass(frozen=True)
class Row:
    """A stream and its losses by way of predicting, each divided by the better of batch and speed."""

    name: str
    ratios: Mapping[str, float]


def chart(rows: Sequence[Row]) -> str:
    """The whole picture; what is beyond its right edge is drawn there, with its value."""
    bottom = TOP + STEP * len(rows)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 880 {bottom + 50}" role="img"'
        ' aria-labelledby="title description" font-family="Helvetica, Arial, sans-serif" font-size="14"'
        ' fill="#1f2933">',
        '  <title id="title">Loss against the better of batch and speed</title>',
        f'  <desc id="description">{description(rows)}</desc>',
        f'  <rect width="880" height="{bottom + 50}" fill="#ffffff"/>',
        *legend(),
        *axis(bottom),
    ]
    for number, row in enumerate(rows):
        parts += drawn(row, TOP + STEP * number + STEP // 2)
    return "\n".join([*parts, "</svg>", ""])


def description(rows: Sequence[Row]) -> str:
    return "; ".join(f"{row.name}: blend {row.ratios['blend']:.3f}" for row in rows)


def legend() -> list[str]:
    meanings = {"once": "batch, never retrained", "batch": "batch, retrained", "speed": "speed", "blend": "blend"}
    parts, x = [], LEFT
    for way, meaning in meanings.items():
        parts.append(f'  <circle cx="{x}" cy="30" r="6" fill="{COLOURS[way]}"/>')
        parts.append(f'  <text x="{x + 12}" y="35">{meaning}</text>')
        x += 40 + 8 * len(meaning)
    return parts


def axis(bottom: int) -> list[str]:
    parts = []
    for tick in (0.8, 0.85, 0.9, 0.95, 1.0, 1.05, 1.1, 1.15, 1.2):
        x, colour = place(tick), "#52606d" if tick == 1.0 else "#d8dee4"
        parts.append(f'  <path d="M{x} {TOP}V{bottom}" stroke="{colour}"/>')
        parts.append(f'  <text x="{x}" y="{bottom + 22}" text-anchor="middle" font-size="12">{tick:.2f}</text>')
    return parts


def drawn(row: Row, y: int) -> list[str]:
    parts = [f'  <text x="{LEFT - 20}" y="{y + 5}" text-anchor="end">{row.name}</text>']
    beyond = 0
    for way, ratio in row.ratios.items():
        x, radius = place(min(ratio, HIGHEST)), 7 if way == "blend" else 5
        if ratio > HIGHEST:
            x += 14 * beyond
            beyond += 1
        parts.append(
            f'  <circle cx="{x}" cy="{y}" r="{radius}" fill="{COLOURS[way]}"><title>{ratio:.3f}</title></circle>'
        )
    return parts


def place(ratio: float) -> int:
    return round(LEFT + (ratio - LOWEST) / (HIGHEST - LOWEST) * (RIGHT - LEFT))
