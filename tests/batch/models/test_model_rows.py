"""The rows of slices that were replayed apart from each other, put together."""

from __future__ import annotations

from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from anabranch.feature_kinds import FeatureKinds, Kinds
from batch.models.model_rows import ModelRows
from batch.models.replay_task import Replayed
from batch.plan import Slice
from tests.batch.models import model_application

MODEL = model_application.app.models["duration"]
VALUES = st.dictionaries(st.sampled_from("ab"), st.sampled_from([None, True, 3, "x"]), min_size=1)


def replayed(part: Slice, examples: list[Any], before: Kinds | None) -> tuple[Replayed, list[bool]]:
    """A slice as `SliceRows` makes it, but for its files; and which of its examples it took."""
    kinds = FeatureKinds(before)
    taken = [kinds.admit(features) is None for features in examples]
    found = Replayed(MODEL.name, part, {}, None, before, kinds.by_name if any(taken) else None, [], {})
    return found, taken


# the third slice was judged by what the second would have been, had the first not come
@example([[{"b": None}], [{"a": None}, {"b": True}], [{"b": "x"}], [{"b": True}]], None)
@given(st.lists(st.lists(VALUES, max_size=4), max_size=6), st.none() | st.just({"a": "number", "b": "none"}))
def test_slices_that_are_replayed_until_none_is_misjudged_take_what_one_pass_takes(
    slices: list[list[Any]], kept: Kinds | None
) -> None:
    rows = ModelRows(MODEL, kinds=kept)
    parts = {Slice(10 * number, 10 * number + 10): examples for number, examples in enumerate(slices)}
    found = {part: replayed(part, examples, kept) for part, examples in parts.items()}
    for _ in slices:
        for part, kinds in rows.misjudged(one for one, _ in found.values()).items():
            found[part] = replayed(part, parts[part], kinds)
    assert rows.misjudged(one for one, _ in found.values()) == {}, "every round settles one slice at least"
    serial = FeatureKinds(kept)
    expected = [[serial.admit(features) is None for features in examples] for examples in slices]
    assert [taken for _, taken in found.values()] == expected
