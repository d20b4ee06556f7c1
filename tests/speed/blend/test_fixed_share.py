"""fixed_share on examples small enough to reckon by hand."""

from __future__ import annotations

from math import exp

import pytest

from speed.blend.fixed_share import FixedShare


def test_one_example_moves_weight_and_shares_out_a_little() -> None:
    blend = FixedShare(["batch", "speed"], rate=1.0, share=0.1)
    blend.update({"batch": 3.0, "speed": 5.0}, {})
    ratio = exp(-1.0)  # the losses differ by the range
    assert blend.weights() == pytest.approx(
        {"batch": 0.9 / (1 + ratio) + 0.05, "speed": 0.9 * ratio / (1 + ratio) + 0.05}
    )
    assert blend.range == 2.0


def test_it_finds_back_to_an_expert_however_long_that_was_the_worse() -> None:
    blend = FixedShare(["batch", "speed"])
    for _ in range(5_000):
        blend.update({"batch": 0.0, "speed": 1.0}, {})
    for _ in range(50):
        blend.update({"batch": 1.0, "speed": 0.0}, {})
    assert blend.weights()["speed"] > 0.99


def test_a_difference_too_small_to_divide_by_teaches_nothing() -> None:
    blend = FixedShare(["batch", "speed"])
    blend.update({"batch": 0.0, "speed": 5e-324}, {})
    assert blend.weights() == {"batch": 0.5, "speed": 0.5}
