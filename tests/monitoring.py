"""The files for Prometheus and Grafana, and what they ask of a service."""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path
from typing import Any

INFRA = Path(__file__).parent.parent / "infra"
yaml: Any = importlib.import_module("yaml")  # PyYAML comes with Dask, and has no types of its own


def expressions() -> dict[str, list[str]]:
    """The PromQL of both files."""
    rules = [rule for group in alerts() for rule in group["rules"]]
    board = dashboard()
    shown = [target["expr"] for panel in board["panels"] for target in panel.get("targets", [])]
    chosen = [variable["definition"] for variable in board["templating"]["list"] if variable["type"] == "query"]
    marked = [annotation["expr"] for annotation in board["annotations"]["list"]]
    return {"alerts": [rule["expr"] for rule in rules], "dashboard": [*shown, *chosen, *marked]}


def alerts() -> list[dict[str, Any]]:
    """The groups of rules."""
    groups: list[dict[str, Any]] = yaml.safe_load((INFRA / "prometheus" / "alerts.yml").read_text())["groups"]
    return groups


def dashboard() -> dict[str, Any]:
    """What Grafana imports."""
    board: dict[str, Any] = json.loads((INFRA / "grafana" / "anabranch.json").read_text())
    return board


def series_of(expression: str) -> set[str]:
    """The names of series in PromQL: what is left without texts, labels, functions and words of the language."""
    bare = re.sub(r'"[^"]*"', "", expression)
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]", " ", bare)
    bare = re.sub(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", " ", bare)
    names = set(re.findall(r"(?<![\w.])[a-zA-Z_]\w*(?!\w|\s*\()", bare))
    return {name for name in names if name not in {"or", "and", "unless", "bool", "instance", "model"}}
