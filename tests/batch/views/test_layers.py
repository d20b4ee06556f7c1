"""Which layers a new one takes in: few stay, and each is much larger than the one above it."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from batch.views.layers import LAYERS_MOST, RATIO, taken_in


@given(runs=st.lists(st.integers(1, 10_000), min_size=1, max_size=300), worth=st.sampled_from([0, 100]))
def test_layers_stay_few_and_each_is_much_larger_than_the_one_above(runs: list[int], worth: int) -> None:
    layers: list[int] = []
    for number, touched in enumerate(runs, start=1):
        count = taken_in(touched, layers, touched + sum(layers), worth)
        layers = [touched + sum(layers[:count]), *layers[count:]]
        assert sum(layers) == sum(runs[:number])
        assert len(layers) <= LAYERS_MOST
        assert all(below > RATIO * above for above, below in pairwise(layers))
        assert all(below > worth for below in layers[1:])


@given(
    touched=st.integers(0, 100),
    below=st.lists(st.integers(0, 10_000), min_size=1, max_size=6),
    tiles=st.integers(0, 100),
)
def test_where_most_of_what_lies_there_is_hidden_all_layers_become_one(
    touched: int, below: list[int], tiles: int
) -> None:
    if touched + sum(below) > 2 * tiles:
        assert taken_in(touched, below, tiles, 0) == len(below)
