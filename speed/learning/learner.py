"""A learner: all that the speed layer knows of one model. Test, then train, in the order of the log.

Every example is predicted before anybody learns from it, by the champion of the batch layer and by every expert of
the speed layer; when its label is known, all of them and the blend are scored, the blend's weights move, and the
experts learn. What comes of it depends on the log alone.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from anabranch import Cut, Events, Model
from anabranch.errors import DefinitionError
from anabranch.feature_kinds import FeatureKinds
from anabranch.features import Features
from anabranch.features.fold import FailedFeatures, FrozenFeatures
from anabranch.label import join_text
from anabranch.model import LARGEST_LABEL, LabelValue
from eventlog.decisions import Publication
from speed.base_layer import Part, Predictor
from speed.blend import blend_of
from speed.learning.drift import Drift
from speed.learning.expert import Expert, Input, as_they_are, numeric
from speed.learning.forecast import BATCH, Bounds, PendingForecast, among, blended
from speed.learning.label_join import LabelJoin
from speed.learning.part_losses import measure_of
from speed.learning.scores import BLEND, Scores

logger = logging.getLogger(__name__)
FAILURES_KEPT = 20
ALARMS_KEPT = 100
DIVERGED_SHARE = 0.1
"""An expert of whose last predictions more than this share was not finite, or farther from the range of labels than it
is wide, is shown as diverged."""
_SMOOTHING = 0.01
_UNWANTED: Input = {}


@dataclass(slots=True)
class PendingExample:
    """An example as it was predicted, frozen until its label is known."""

    time: int
    inputs: tuple[Input, Input]
    parts: dict[str, Part]
    blended: Part | None


class Learner:
    """The state of one model in the speed layer.

    Parameters
    ----------
    model
        Its definition.

    Attributes
    ----------
    champion
        The version of the batch layer that is an expert now, as the log says; None: there was none yet.
    predictor
        The champion itself, or the one before it where it cannot be used; None where none can.
    """

    def __init__(self, model: Model):
        self.model = model
        self.champion: int | None = None
        self.predictor: Predictor | None = None
        self.experts = {name: Expert(model.task, made) for name, made in _speed_models(model).items()}
        needs = [expert.needs_numbers for expert in self.experts.values()]
        self._wanted = (not all(needs), any(needs))
        self.blend = blend_of(model.blend)
        for name in self.experts:
            self.blend.enter(name)
        self.scores = Scores()
        self.drift = Drift(model.metric)
        self.join = LabelJoin(model.later_label) if model.later_label is not None else None
        self.bounds = Bounds()
        self.kinds = FeatureKinds()
        self.failed = 0
        self.failures: deque[dict[str, str]] = deque(maxlen=FAILURES_KEPT)
        self.clipped: dict[str, int] = {}
        self.wild_share: dict[str, float] = {}
        self.alarms: deque[dict[str, Any]] = deque(maxlen=ALARMS_KEPT)
        self.alarm_count = 0
        self._label_sum = 0.0
        self._label_counts: dict[LabelValue, int] = {}
        self._labelled = 0
        self._alarmed: list[int] = []
        self._score_names: tuple[str, ...] = ()

    # the champion

    def use(self, champion: int | None, predictor: Predictor | None, holdout_loss: float | None = None) -> None:
        """Predict with this champion from now on; see `champion` and `predictor`.

        Parameters
        ----------
        holdout_loss
            What `predictor` lost on its holdout, on average: what the blend knows of its first champion.
        """
        self.champion = champion
        self.predictor = predictor
        if predictor is not None:
            self.blend.enter(BATCH, holdout_loss)

    # the fold

    def fold(self, events: Events, frozen: FrozenFeatures) -> list[int]:
        """Test and train on a run of examples.

        Returns
        -------
        list of int
            The offsets at which the drift detector raised an alarm.
        """
        self._alarmed = []
        batch = self._batch_parts(frozen)
        column = events.column(str(self.model.label)) if self.join is None else None
        later = self.model.later_label
        keys = None if later is None else [join_text(value) for value in events.column(later.example_field)]
        label_value = self.model.label_value
        for index, features in enumerate(frozen):
            self._place = events.offset + index
            aside = features.reason if isinstance(features, FailedFeatures) else self.kinds.admit(features)
            try:
                if isinstance(features, FailedFeatures) or aside is not None:
                    self._note_failure(f"{events.partition}:{events.offset + index}", str(aside))
                    if self.join is not None:  # it is no example, but time went on
                        self.join.advance(events.times[index], self._learn)
                    continue
                example = self._predict(events.times[index], features, batch[index])
                if column is not None:
                    label = label_value(column[index])
                    if label is not None:
                        self._learn(example, label)
                    elif column[index] is not None:
                        self._refuse(events, index, column[index])
                else:
                    assert self.join is not None
                    assert keys is not None
                    self.join.example(keys[index], example.time, example, self._learn)
            except Exception as error:  # no example may stop the fold of everything else
                self._stumble(events, index, error)
        return self._alarmed

    def fold_labels(self, events: Events) -> list[int]:
        """Take in labels of another stream; returns as `fold` does."""
        self._alarmed = []
        definition = self.model.later_label
        assert definition is not None
        assert self.join is not None
        keys = [join_text(value) for value in events.column(definition.label_field)]
        label_value = self.model.label_value
        for index, value in enumerate(events.column(definition.field)):
            self._place = events.offset + index
            try:
                label = label_value(value)
                if label is None and value is not None:
                    self._refuse(events, index, value)
                self.join.label(keys[index], events.times[index], label, self._learn)
            except Exception as error:  # as in `fold`
                self._stumble(events, index, error)
        return self._alarmed

    def _batch_parts(self, frozen: FrozenFeatures) -> Sequence[Part | None]:
        """What the champion says of each, all at once: it does not change in between."""
        rows = [row for row in frozen if not isinstance(row, FailedFeatures)]
        if self.predictor is None or not rows:
            return [None] * len(frozen)
        try:
            found = iter(self.predictor.predict(rows))
        except Exception as error:  # an estimator of the user may raise anything
            self._note_failure("", f"the champion, version {self.champion}, raised: {type(error).__name__}: {error}")
            return [None] * len(frozen)
        return [None if isinstance(row, FailedFeatures) else next(found) for row in frozen]

    def _predict(self, time: int, features: Features, batch: Part | None) -> PendingExample:
        inputs = self._inputs(features)
        parts: dict[str, Part] = {}
        if self.predictor is not None:
            parts[BATCH] = self._sound(BATCH, batch)
        for name, expert in self.experts.items():
            parts[name] = self._sound(name, expert.predict(inputs[expert.needs_numbers]))
        weights = self.blend.weights()
        if weights.keys() != parts.keys():
            weights = among(weights, parts)
        return PendingExample(time, inputs, parts, blended(parts, weights, self.bounds))

    def _inputs(self, features: Features) -> tuple[Input, Input]:
        """The features as they are, and in numbers; each empty if no expert wants it so."""
        as_are, in_numbers = self._wanted
        return as_they_are(features) if as_are else _UNWANTED, numeric(features) if in_numbers else _UNWANTED

    def _sound(self, name: str, part: Part | None) -> Part:
        """A part that can be scored: within the range of labels; what is not finite becomes the mean label."""
        sound: Part
        if type(part) is float and self.bounds.has(part):
            wild, sound = False, part
        elif isinstance(part, (int, float)) and part - part == 0.0:
            sound = self.bounds.clip(part)
            wild = self.bounds.is_far(part)
        elif isinstance(part, Mapping):
            wild, sound = False, part
        else:
            wild, sound = True, self._usual()
        if sound is not part:
            self.clipped[name] = self.clipped.get(name, 0) + 1
        if wild:
            self.wild_share.setdefault(name, 0.0)
        if name in self.wild_share:
            self.wild_share[name] += _SMOOTHING * (wild - self.wild_share[name])
        return sound

    def _usual(self) -> Part:
        """The mean label; of classes, how frequent each is."""
        n = self._labelled
        if self.model.task == "regression":
            return self._label_sum / n if n else 0.0
        return {label: count / n for label, count in self._label_counts.items()}

    def _learn(self, example: PendingExample, label: LabelValue) -> None:
        """Score who predicted the example, move the weights, and let the experts learn."""
        parts = example.parts
        if example.blended is not None and parts:
            losses, slopes, blend_loss = measure_of(self.model.metric)(parts, example.blended, label)
            self.blend.update(losses, slopes)
            if BATCH in parts:
                self._score(example.time, losses, blend_loss)
                if self.drift.update(blend_loss):
                    self._alarmed.append(self._place)
        self._note_label(label)
        for expert in self.experts.values():
            expert.learn(example.inputs[expert.needs_numbers], label)

    def _score(self, time: int, losses: Mapping[str, float], blend_loss: float) -> None:
        names = self._score_names
        if len(names) != len(losses) + 1 or any(a != b for a, b in zip(losses, names, strict=False)):
            names = self._score_names = (*losses, BLEND)
        self.scores.add(names, (*losses.values(), blend_loss), time)
        if self.scores.is_due():
            self.scores.close_point(self.blend.weights(), self.champion, self._place)

    def _note_label(self, label: LabelValue) -> None:
        self._labelled += 1
        if isinstance(label, float):
            self._label_sum += label
            low, high = self.bounds.low, self.bounds.high
            if low is None or high is None:
                self.bounds = Bounds(label, label)
            elif not low <= label <= high:
                self.bounds = Bounds(min(low, label), max(high, label))
        else:
            self._label_counts[label] = self._label_counts.get(label, 0) + 1

    # what went wrong

    def note_alarm(self, at: str, time: str) -> None:
        """Remember that the log told of a drift alarm."""
        self.alarm_count += 1
        self.alarms.append({"at": at, "time": time})

    def _stumble(self, events: Events, index: int, error: Exception) -> None:
        """Tell of an example that could not be learnt from, which is the same one whenever the log is folded again."""
        position = f"{events.partition}:{events.offset + index}"
        if self.failed < FAILURES_KEPT:  # one that fails on every event must not fill the disk
            logger.error("model %r cannot learn from the event at %s", self.model.name, position, exc_info=error)
        self._note_failure(position, f"{type(error).__name__}: {error}")

    @property
    def _learnable(self) -> str:
        return f"numbers up to {LARGEST_LABEL:g}" if self.model.task == "regression" else "integers of 64 bits"

    def _refuse(self, events: Events, index: int, label: Any) -> None:
        """Set a label aside: nobody learns from it."""
        reason = f"the label {label!r:.80} is not learnt from; {self._learnable} are"
        self._note_failure(f"{events.partition}:{events.offset + index}", reason)

    def _note_failure(self, position: str, reason: str) -> None:
        self.failed += 1
        self.failures.append({"position": position, "reason": reason})

    # answering

    def ask(self, features: Features, publication: Publication | None, cut: Cut) -> PendingForecast:
        """What the speed layer's experts say of features now. Nothing changes."""
        inputs = self._inputs(features)
        parts = {name: expert.predict(inputs[expert.needs_numbers]) for name, expert in self.experts.items()}
        version = None if self.predictor is None else self.predictor.version
        return PendingForecast(
            features, parts, self.predictor, version, dict(self.blend.weights()), self.bounds, publication, cut
        )

    def report(self) -> dict[str, Any]:
        """Everything there is to tell, as plain data."""
        present = [*([BATCH] if self.predictor is not None else []), *self.experts]
        return {
            "champion": self.champion,
            "weights": among(self.blend.weights(), dict.fromkeys(present)),
            "scores": self.scores.report(),
            "series": self.scores.series(),
            "diverged": {name: self.wild_share.get(name, 0.0) > DIVERGED_SHARE for name in present},
            "clipped": {name: self.clipped.get(name, 0) for name in present},
            "errors": {
                name: {"count": expert.errors, "last": expert.last_error}
                for name, expert in self.experts.items()
                if expert.errors
            },
            "failed": {"count": self.failed, "examples": list(self.failures)},
            "labels": None if self.join is None else self.join.report(),
            "alarms": list(self.alarms),
            "alarm_count": self.alarm_count,
        }

    # checkpoints

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps: everything but the definition and the champion itself."""
        kept = {name: value for name, value in vars(self).items() if name not in _NOT_KEPT}
        return {**kept, "blend": self.blend.state()}

    @classmethod
    def restore(cls, model: Model, state: Mapping[str, Any]) -> Learner:
        """The learner that goes on where the state was taken."""
        learner = cls.__new__(cls)
        vars(learner).update(state)
        vars(learner).pop("champions", None)  # learners of earlier releases kept them
        learner.champion = None
        if "names" in state:  # a checkpoint from when only names had to be the same
            names = vars(learner).pop("names")
            learner.kinds = FeatureKinds(None if names is None else dict.fromkeys(names, "none"))
        learner.model = model
        if learner.join is not None and model.later_label is not None:
            learner.join.definition = model.later_label
        learner.predictor = None
        learner.blend = blend_of(model.blend, state["blend"])
        return learner


_NOT_KEPT = {"model", "champion", "predictor", "blend", "_alarmed", "_place"}
"""Of the attributes. Who is champion is no affair of a learner: decisions say it, also where a learner begins anew."""


def _speed_models(model: Model) -> dict[str, Any]:
    """The models of River by the name of their expert."""
    where = f"model {model.name!r}"
    made = model.speed()
    by_name = dict(made) if isinstance(made, dict) else {"speed": made}
    for name, learner in by_name.items():
        if name in (BATCH, BLEND) or not isinstance(name, str):
            raise DefinitionError(where, f"speed= names a model {name!r}", "Choose another name", model.location)
        if not hasattr(learner, "learn_one") or not hasattr(learner, "predict_one"):
            raise DefinitionError(
                where,
                f"speed= makes {learner!r}, which is no model of River",
                "Return a regressor or classifier",
                model.location,
            )
    return by_name
