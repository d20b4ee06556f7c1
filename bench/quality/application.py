"""A stream of the study as an application of the real system."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import create_model

from anabranch import App, Label
from anabranch.model import Task

Kind = Literal["number", "boolean", "text"]
_TYPES: dict[Kind, Any] = {"number": float | None, "boolean": bool | None, "text": str | None}
_LABELS: dict[str, Any] = {"regression": float, "binary": bool}


def application(stream: str, task: Task, kinds: Mapping[str, Kind], within: str | None, label: Kind) -> App:
    """The application of a stream.

    Parameters
    ----------
    stream
        The name of a case of the study; its speed model learns.
    kinds
        What each feature holds. The features were computed before: an example event carries them.
    within
        How much later labels come, in a stream of their own; None: an example has its label.
    """
    from bench.quality.table import CASES

    case = next(case for case in CASES if case.name == stream)
    app = App(stream)
    fields: dict[str, Any] = {name: (_TYPES[kind], None) for name, kind in kinds.items()}
    label_type = _LABELS.get(task, str if label == "text" else int)
    own = {} if within is not None else {"label": (label_type, ...)}
    example = create_model("Example", **{"number": (int, ...), "at": (datetime, ...), **own, **fields})
    examples = app.stream("examples", example, time="at")
    target: str | Label = "label"
    if within is not None:
        outcome = create_model("Outcome", number=(int, ...), at=(datetime, ...), label=(label_type, ...))
        outcomes = app.stream("outcomes", outcome, time="at")
        target = Label(outcomes, field="label", join="number", within=within)
    names = tuple(kinds)

    @app.model("target", on=examples, label=target, task=task, batch=_estimator(task), speed=case.models["speed"])
    def features(event: Any, views: Any) -> dict[str, Any]:
        return {name: getattr(event, name) for name in names}

    return app


def _estimator(task: Task) -> Any:
    """LightGBM with the settings of the study; when to stop, the batch layer finds out itself."""

    def make() -> Any:
        from lightgbm import LGBMClassifier, LGBMRegressor

        kind = LGBMRegressor if task == "regression" else LGBMClassifier
        return kind(n_estimators=300, learning_rate=0.1, num_leaves=31, min_child_samples=50, verbose=-1)

    return make


def write(folder: Path, *arguments: Any) -> Path:
    """The file of an application, which the batch layer loads by its path."""
    path = folder / "application.py"
    call = f"application({', '.join(map(repr, arguments))})"
    path.write_text(f"from bench.quality.application import application\n\napp = {call}\n")
    return path


def kinds_of(features: Sequence[Mapping[str, Any]]) -> dict[str, Kind]:
    """What each feature holds; a number where it never has a value."""
    found: dict[str, Kind] = dict.fromkeys(features[0], "number")
    for row in features:
        for name, value in row.items():
            if isinstance(value, str):
                found[name] = "text"
            elif isinstance(value, bool):
                found[name] = "boolean"
    return found
