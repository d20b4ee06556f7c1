from __future__ import annotations

from math import inf, nan

from speed.blend.finite import LARGEST, finite


def test_what_is_not_finite_is_left_out_and_what_is_too_large_is_the_largest() -> None:
    assert finite({"a": nan, "b": inf, "c": -inf, "d": 1e300, "e": -1e300, "f": 0.0}) == {
        "d": LARGEST,
        "e": -LARGEST,
        "f": 0.0,
    }


def test_ordinary_losses_are_the_same_object() -> None:
    """This is hot: it runs for every example."""
    losses = {"a": 1.0, "b": -1.0}
    assert finite(losses) is losses
