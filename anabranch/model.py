"""A model: what to predict, from which features, by which learners."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, get_args

from anabranch.errors import DefinitionError
from anabranch.example import Example, example_class
from anabranch.features import Features
from anabranch.field import Field
from anabranch.fingerprint import described, digest
from anabranch.function import problem_of
from anabranch.label import Label
from anabranch.metric import Metric
from anabranch.stream import Stream
from anabranch.view import View

Task = Literal["regression", "binary", "multiclass"]
Blending = Literal["hedge", "batch", "speed", "mean", "fixed_share", "ada_hedge", "boa", "ml_poly"]
LabelValue = bool | int | float | str
"""The label of an example: a float in a regression, a bool in a binary model, else as the field has it."""

LARGEST_LABEL = 1e37
"""No number beyond this is learnt from: LightGBM keeps labels in 32 bits, and losses of larger ones are infinite."""

_METRICS: dict[str, tuple[Metric, ...]] = {
    "regression": ("squared_error", "absolute_error"),
    "binary": ("log_loss",),
    "multiclass": ("log_loss",),
}
_LABEL_KINDS = {
    "regression": ("integer", "number"),
    "binary": ("boolean", "integer"),
    "multiclass": ("text", "integer", "boolean"),
}


@dataclass(frozen=True, eq=False)
class Model:
    """A learned predictor of a stream's events. Made by `App.model`.

    Attributes
    ----------
    name
        The name in paths, SQL and files.
    on
        The stream whose events are its examples.
    label
        The field of the event that is to be predicted, or a `Label` that arrives later.
    task
        regression, binary or multiclass.
    features
        The function ``(event without its label, views) -> features by name``.
    batch
        Makes one estimator in the manner of scikit-learn, a list of candidates, or a dict of them by name.
    speed
        Makes one model of River, or a dict of them by name.
    metric
        The loss by which everything is compared.
    blend
        The name of a blend, or what makes one of the application's own; see `speed.blend`.
    tolerance
        How much worse than the champion, relatively, a new version may be on the holdout and still take its place.
    holdout
        Which part of the rows, the newest, is held out to compare versions.
    seed
        Of everything random in training.
    retrain_on_drift, cooldown_us
        Whether a drift alarm starts a batch run, and how long after such a run no other is started.
    views
        The views of the application, for its fingerprint.
    """

    name: str
    on: Stream
    label: str | Label
    task: Task
    features: Callable[[Any, Any], Any]
    batch: Callable[[], Any]
    speed: Callable[[], Any]
    metric: Metric
    blend: str | Callable[[], Any]
    tolerance: float
    holdout: float
    seed: int
    retrain_on_drift: bool
    cooldown_us: int
    views: Mapping[str, View]
    location: str | None = None
    example: type[Example] = field(init=False)
    """The class of what the features function receives."""

    def __post_init__(self) -> None:
        self._check()
        object.__setattr__(self, "example", example_class(self.on, self.own_label))

    # examples

    @property
    def own_label(self) -> str | None:
        """The field of the event that is the label; None: it comes from another stream."""
        return self.label if isinstance(self.label, str) else None

    @property
    def later_label(self) -> Label | None:
        """The label that arrives later; None: the event has it."""
        return None if isinstance(self.label, str) else self.label

    def label_value(self, value: Any) -> LabelValue | None:
        """A value of the label's field as the learners take it; None: there is no label, or none to be learnt from."""
        if value is None:
            return None
        if self.task == "regression":
            # compared before it is a float: a whole number of more than 308 digits cannot be one
            return float(value) if -LARGEST_LABEL <= value <= LARGEST_LABEL else None
        if self.task == "binary":
            return bool(value)
        assert isinstance(value, (bool, int, str))
        if type(value) is int and not -(2**63) <= value < 2**63:  # no column of rows holds it
            return None
        return value

    # what it is

    @cached_property
    def fingerprint(self) -> str:
        """A digest of everything that makes its features and labels what they are.

        Rows for training and frozen features of equal fingerprints belong together. All views of the application are
        part of it: nobody can tell which ones a function looks at.
        """
        parts: list[Any] = [self.on.name, self.on.time, self.task, described(self.features)]
        parts.append(sorted((name, view.fingerprint, view.keep_us) for name, view in self.views.items()))
        label = self.later_label
        if label is None:
            parts += [self.own_label, self.on.fields[str(self.own_label)].kind]
        else:
            parts += [label.stream.name, label.field, label.join, label.within_us, label.missing]
        return digest(parts)

    @cached_property
    def learner_fingerprint(self) -> str:
        """A digest of everything that makes the state of its speed learners what it is."""
        parts = [self.fingerprint, described(self.speed), self.metric, described(self.blend)]
        return digest(parts)

    def _check(self) -> None:
        where = f"model {self.name!r}"
        if self.task not in get_args(Task):
            raise DefinitionError(
                where, f"task={self.task!r} is unknown", f"Take one of {get_args(Task)}", self.location
            )
        if self.metric not in _METRICS[self.task]:
            raise DefinitionError(
                where,
                f"metric={self.metric!r} is none of {self.task}",
                f"Take one of {_METRICS[self.task]}",
                self.location,
            )
        for word, thing in (("batch", self.batch), ("speed", self.speed)):
            if problem := problem_of(thing):
                raise DefinitionError(where, f"{word}={thing!r} {problem}", f"Write {word}=lambda: ...", self.location)
        if problem := problem_of(self.features, "event", "views"):
            name = getattr(self.features, "__name__", repr(self.features))
            raise DefinitionError(where, f"{name} {problem}", f"Write def {name}(event, views): ...", self.location)
        if not callable(self.blend) and self.blend not in get_args(Blending):
            raise DefinitionError(
                where, f"blend={self.blend!r} is unknown", f"Take one of {get_args(Blending)}", self.location
            )
        if not 0.0 < self.holdout < 1.0:
            raise DefinitionError(where, f"holdout={self.holdout!r} is no share", "Take one like 0.2", self.location)
        if not self.tolerance >= 0.0:
            raise DefinitionError(where, f"tolerance={self.tolerance!r}", "Take 0 or more, like 0.02", self.location)
        self._check_label(where)

    def _check_label(self, where: str) -> None:
        label = self.later_label
        stream, name = (self.on, str(self.label)) if label is None else (label.stream, label.field)
        fields: Mapping[str, Field] = stream.fields
        if name not in fields:
            raise DefinitionError(
                where,
                f"label={name!r} is not a field of {stream.name}",
                f"Take one of: {', '.join(fields)}",
                self.location,
            )
        kinds = _LABEL_KINDS[self.task]
        if fields[name].kind not in kinds:
            raise DefinitionError(
                where,
                f"label={name!r} is {fields[name].kind}, which a {self.task} cannot predict",
                f"Take a field that is {' or '.join(kinds)}",
                self.location,
            )
        if label is None:
            return
        if label.example_field not in self.on.fields:
            raise DefinitionError(
                where,
                f"the label joins by {label.example_field!r}, which is not a field of {self.on.name}",
                f"Take one of: {', '.join(self.on.fields)}",
                self.location,
            )
        if label.missing is not None and not isinstance(label.missing, _TYPES[self.task]):
            raise DefinitionError(
                where, f"missing={label.missing!r} is no label of a {self.task}", "Take one that is", self.location
            )


_TYPES: dict[str, tuple[type, ...]] = {
    "regression": (int, float),
    "binary": (bool, int),
    "multiclass": (str, int, bool),
}

__all__ = ["Features", "LabelValue", "Metric", "Model", "Task"]
