"""How much of the log something has seen, as people and programs write it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anabranch import Cut

OFFSETS = st.lists(st.integers(0, 2**63 - 1), min_size=1, max_size=3).map(tuple)


@given(OFFSETS)
def test_a_cut_reads_back_what_it_writes(offsets: tuple[int, ...]) -> None:
    assert Cut.parse(str(Cut(offsets))) == Cut(offsets)


def test_partitions_may_come_in_any_order() -> None:
    assert Cut.parse("1:5,0:3") == Cut((3, 5))


@pytest.mark.parametrize(
    "text", ["", "5", "0:", ":5", "0:x", "1:5", "0:1,0:2", "0:1,2:2", "0:1:2", "0:-1", "0:9223372036854775808"]
)
def test_what_is_no_position_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a position"):
        Cut.parse(text)


@given(OFFSETS, OFFSETS)
def test_covering_is_having_seen_everything_that_the_other_has(one: tuple[int, ...], two: tuple[int, ...]) -> None:
    seen = {(p, o) for p, offset in enumerate(one) for o in two if o < offset}
    theirs = {(p, o) for p, offset in enumerate(two) for o in two if o < offset}
    if Cut(one).covers(Cut(two)):
        assert theirs <= seen
    assert Cut(one).covers(Cut(one))
    assert not (Cut(one).covers(Cut(two)) and Cut(two).covers(Cut(one)) and one != two)


def test_a_cut_of_fewer_partitions_does_not_cover_one_of_more() -> None:
    assert not Cut((9,)).covers(Cut((1, 1)))
    assert Cut((9, 0)).covers(Cut((9,)))
