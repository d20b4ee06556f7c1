"""Which examples of a model belong together."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anabranch.feature_kinds import FeatureKinds, fit_together, joined_kinds

FEATURES = st.lists(
    st.dictionaries(st.sampled_from("ab"), st.sampled_from([None, True, 3, 2.5, "x", "y"]), min_size=1), max_size=12
)


@pytest.mark.parametrize(
    ("before", "features", "refusal"),
    [
        ([], {"a": 1}, None),
        ([{"a": 1}], {"a": 2.5}, None),
        ([{"a": 1}], {"a": True}, None),
        ([{"a": 1}], {"a": None}, None),
        ([{"a": None}], {"a": "x"}, None),
        ([{"a": 1, "b": 2}], {"b": 1, "a": 2}, None),
        ([{"a": 1}], {}, "the features are ; they were a"),
        ([{"a": 1}], {"a": 1, "b": 2}, "the features are a, b; they were a"),
        ([{"a": 1}], {"a": "N/A"}, "the feature 'a' is the text 'N/A'; it was a number"),
        ([{"a": None}, {"a": True}], {"a": "N/A"}, "the feature 'a' is the text 'N/A'; it was a boolean"),
        ([{"a": "x"}], {"a": 7}, "the feature 'a' is 7; it was a text"),
        ([{"a": "x"}, {"a": 1}], {"a": "y"}, None),
    ],
)
def test_an_example_fits_or_is_told_why_not(before: list[Any], features: Any, refusal: str | None) -> None:
    kinds = FeatureKinds()
    for earlier in before:
        kinds.admit(earlier)
    assert kinds.refusal(features) == refusal
    assert kinds.admit(features) == refusal


@given(FEATURES)
def test_what_was_taken_would_be_taken_again_and_what_was_set_aside_would_not(examples: list[Any]) -> None:
    kinds = FeatureKinds()
    taken = [kinds.admit(features) is None for features in examples]
    assert [kinds.refusal(features) is None for features in examples] == taken


@given(FEATURES, FEATURES)
def test_lots_that_fit_together_set_the_same_examples_aside_apart_as_in_one_pass(
    one: list[Any], other: list[Any]
) -> None:
    apart = FeatureKinds(), FeatureKinds()
    taken = [[kinds.admit(f) is None for f in lot] for kinds, lot in zip(apart, (one, other), strict=True)]
    together = FeatureKinds()
    if fit_together(apart[0].by_name, apart[1].by_name):
        assert [together.admit(features) is None for features in (*one, *other)] == [*taken[0], *taken[1]]
        if apart[1].by_name is not None:
            assert together.by_name == joined_kinds(apart[0].by_name, apart[1].by_name)
