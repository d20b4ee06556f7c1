"""The predictions of all experts of a stream, kept in a file because they take long."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.quality.example import Example
from bench.quality.experts import CUTS, Floats, batch_predictions, speed_predictions
from bench.quality.table import Case


@dataclass(frozen=True)
class Predictions:
    """One stream as its experts saw it.

    Attributes
    ----------
    by_expert
        n_examples each: the predicted number, or the probability that was given to the right class. "once" is the
        first batch model, never retrained; "batch" is retrained at every cut.
    holdout
        The loss of the first batch model on its holdout, as it is known when it enters the blend.
    """

    numeric: bool
    times: Floats
    known: Floats
    labels: Floats
    by_expert: dict[str, Floats]
    holdout: float

    @property
    def first(self) -> int:
        """The first example with a generation."""
        return int(len(self.times) * CUTS[0])


def predictions_of(case: Case, data: Path, cache: Path) -> Predictions:
    """The predictions from the cache, or made now and put there."""
    path = cache / f"{case.name}.npz"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        np.savez(path, **arrays(case, data))  # type: ignore[arg-type]
    found = dict(np.load(path))
    facts = {name: found.pop(name) for name in ("times", "known", "labels", "holdout")}
    return Predictions(
        case.stream.task == "regression",
        facts["times"],
        facts["known"],
        facts["labels"],
        found,
        float(facts["holdout"]),
    )


def arrays(case: Case, data: Path) -> dict[str, Floats]:
    examples = case.stream().examples(data)
    classes: list[Any] = [] if case.stream.task == "regression" else sorted({e.label for e in examples})
    once, holdout = batch_predictions(examples, classes, retrained=False)
    batch, _ = batch_predictions(examples, classes, retrained=True)
    found = {"once": once, "batch": batch}
    for name, model in case.models.items():
        found[name] = speed_predictions(model(), examples, classes)
    return {
        "times": np.array([e.time for e in examples]),
        "known": np.array([e.known for e in examples]),
        "labels": np.array([0.0 if classes else e.label for e in examples]),
        "holdout": np.array(holdout),
    } | {name: of_the_right_class(part, examples, classes) if classes else part for name, part in found.items()}


def of_the_right_class(predicted: Floats, examples: list[Example], classes: list[Any]) -> Floats:
    return np.array([row[classes.index(e.label)] for row, e in zip(predicted, examples, strict=True)])
