"""Labels that come later: one table of cases for everybody who joins them, and the rule in a few lines of Python."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

WITHIN = 120
"""Minutes; a label that is missing is False."""
Entry = tuple[str, int, bool | None]
"""What came (an ``example``, a ``label``, or something else that moves the ``clock``), its event time in minutes, and
what the label says."""


@dataclass(frozen=True)
class Case:
    """The events of one key, in the order of the log; the clock closes the example in the end.

    Attributes
    ----------
    joined
        The label of the example over the whole log: what the batch layer and SQL say.
    taught
        What the speed layer learns from it, once.
    counted
        What the speed layer counts besides.
    """

    entries: list[Entry]
    joined: bool
    taught: bool
    counted: dict[str, int] = field(default_factory=dict)


def _example(minutes: int = 0) -> Entry:
    return "example", minutes, None


def _label(minutes: int, value: bool | None) -> Entry:
    return "label", minutes, value


CASES: dict[str, Case] = {
    "on time": Case([_example(), _label(60, True)], True, True, {"joined": 1}),
    "at the last moment": Case([_example(), _label(120, True)], True, True, {"joined": 1}),
    "at once": Case([_example(), _label(0, True)], True, True, {"joined": 1}),
    "of before": Case([_example(), _label(-120, True)], True, True, {"joined": 1}),
    "early": Case([_label(-30, True), _example()], True, True, {"early": 1}),
    "early, with a later time": Case([_label(90, True), _example()], True, True, {"early": 1}),
    "early, and an older one that is not in time follows": Case(
        [_label(-60, True), _label(-130, False), _example()], True, True, {"early": 1}
    ),
    "early, but forgotten, as its example comes after its own end": Case(
        [_label(-119, True), ("clock", 122, None), _example(1)], True, False, {"missing": 1}
    ),
    "early, and two that are in time": Case(
        [_label(30, True), _label(-30, False), _example()], False, False, {"early": 1}
    ),
    "early, and twice at one time": Case([_label(30, False), _label(30, True), _example()], True, True, {"early": 1}),
    "of before, long remembered": Case(
        [_label(-100, True), ("clock", 110, None), _example()], True, True, {"early": 1}
    ),
    "too late": Case([_example(), _label(121, True)], False, False, {"missing": 1}),
    "far too early": Case([_label(-121, True), _example()], False, False, {"missing": 1}),
    "twice": Case([_example(), _label(10, True), _label(10, True)], True, True, {"joined": 1, "duplicate": 1}),
    "corrected": Case([_example(), _label(60, True), _label(90, False)], False, True, {"joined": 1, "corrected": 1}),
    "corrected by one that is older": Case(
        [_example(), _label(60, True), _label(30, False)], False, True, {"joined": 1, "corrected": 1}
    ),
    "corrected once, and said again": Case(
        [_example(), _label(60, True), _label(70, False), _label(80, False)],
        False,
        True,
        {"joined": 1, "corrected": 1, "duplicate": 1},
    ),
    "corrected, and back": Case(
        [_example(), _label(60, True), _label(70, False), _label(80, True)], True, True, {"joined": 1, "corrected": 2}
    ),
    "corrected too late": Case([_example(), _label(60, True), _label(200, False)], True, True, {"joined": 1}),
    "in time, but after the example was closed": Case(
        [_example(), ("clock", 121, None), _label(60, True)], True, False, {"missing": 1}
    ),
    "without a value": Case([_example(), _label(60, None)], False, False, {"missing": 1}),
    "missing": Case([_example()], False, False, {"missing": 1}),
    "closed by an example that comes late": Case([("clock", 500, None), _example()], False, False, {"missing": 1}),
}


def joined(example: int, labels: Sequence[tuple[int, bool]], clock: int, within: int = WITHIN) -> bool | None:
    """The rule. The label of an example at a moment of the clock; None: it is open, and has none yet.

    Parameters
    ----------
    labels
        (event time, what it says) of those of its key, in the order of the log.
    """
    in_time = [said for time, said in labels if abs(time - example) <= within]
    if in_time:
        return in_time[-1]
    return False if clock > example + within else None
