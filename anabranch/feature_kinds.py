"""Which examples of a model belong together: those whose features have the same names, and hold the same kinds.

The one home of the rule. Both layers learn from the same examples because both ask it, in the order of the log:

====================================  ==============================================================================
an example                            is
====================================  ==============================================================================
the first of a model                  taken; its names are those of the model from then on
with other names                      set aside: a feature that is missing now and then is a None, and has to say so
with a text where others had a        set aside; whole numbers, floats and booleans are all numbers
number, or the other way about
with a None                           taken, whatever the others had
====================================  ==============================================================================

What has once been taken stays in force, so an example that is set aside would be set aside later, too, and one that is
taken would be taken. The batch layer builds on that: it judges slices of the log apart from each other and compares
afterwards (`fit_together`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from anabranch.features import Features

FeatureKind = Literal["none", "boolean", "number", "text"]
"""What a feature holds; none: it was None in every example so far."""
Kinds = Mapping[str, FeatureKind]

_KIND_BY_TYPE: dict[type, FeatureKind] = {
    type(None): "none",
    bool: "boolean",
    int: "number",
    float: "number",
    str: "text",
}
_REMEMBERED = 1_000
"""Forms of examples that are known to fit: one a combination of types, of which a model has a handful."""


class FeatureKinds:
    """What the features of a model's examples hold, learnt from the examples as they come in log order.

    Parameters
    ----------
    by_name
        What is known already; None: there was no example yet.
    """

    def __init__(self, by_name: Kinds | None = None):
        self.by_name: Kinds | None = None if by_name is None else dict(by_name)
        self._known: set[tuple[tuple[str, ...], tuple[type, ...]]] = set()

    def refusal(self, features: Features) -> str | None:
        """Why an example has to be set aside; None: it fits. Nothing changes."""
        if (tuple(features), tuple(map(type, features.values()))) in self._known or self.by_name is None:
            return None
        if features.keys() != self.by_name.keys():
            return f"the features are {', '.join(features)}; they were {', '.join(self.by_name)}"
        for name, value in features.items():
            if joined_kind(self.by_name[name], _KIND_BY_TYPE[type(value)]) is None:
                return f"the feature {name!r} is {_said(value)}; it was a {self.by_name[name]}"
        return None

    def admit(self, features: Features) -> str | None:
        """Take the next example in; returns as `refusal` does, and whatever is refused changes nothing."""
        form = tuple(features), tuple(map(type, features.values()))
        if form in self._known:  # nearly always: this runs for every event
            return None
        refusal = self.refusal(features)
        if refusal is None:
            kinds = {name: _KIND_BY_TYPE[type(value)] for name, value in features.items()}
            self.by_name = joined_kinds(self.by_name, kinds)
            if len(self._known) < _REMEMBERED:
                self._known.add(form)
        return refusal


def joined_kind(one: FeatureKind, other: FeatureKind) -> FeatureKind | None:
    """The kind of a feature that holds both; None: it cannot.

    >>> joined_kind("boolean", "number"), joined_kind("none", "text"), joined_kind("text", "number")
    ('number', 'text', None)
    """
    if one == other or other == "none":
        return one
    if one == "none":
        return other
    return None if "text" in (one, other) else "number"


def fit_together(one: Kinds | None, other: Kinds | None) -> bool:
    """Whether all examples of both would have been taken if they had come as one, in any order. None: no example.

    >>> fit_together({"a": "none"}, {"a": "text"}), fit_together({"a": "number"}, {"a": "text"})
    (True, False)
    """
    if one is None or other is None:
        return True
    return one.keys() == other.keys() and all(joined_kind(kind, other[name]) is not None for name, kind in one.items())


def contain(one: Kinds, other: Kinds) -> bool:
    """Whether what is set aside by `other` is set aside by `one`, too: that knows the same, or more.

    >>> contain({"a": "text"}, {"a": "none"}), contain({"a": "none"}, {"a": "text"})
    (True, False)
    """
    return one.keys() == other.keys() and all(joined_kind(kind, other[name]) == kind for name, kind in one.items())


def joined_kinds(one: Kinds | None, other: Kinds) -> dict[str, FeatureKind]:
    """The kinds of examples that fit together; those of `one` come first.

    >>> joined_kinds({"a": "none", "b": "number"}, {"b": "boolean", "a": "text"})
    {'a': 'text', 'b': 'number'}
    """
    assert fit_together(one, other)
    return dict(other) if one is None else {name: joined_kind(k, other[name]) or k for name, k in one.items()}


def _said(value: Any) -> str:
    return f"the text {value!r:.80}" if type(value) is str else f"{value!r:.80}"
