"""What has to be folded, decided without any IO."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from anabranch.view import View
from batch.plan import Slice, ViewGroup, plan, slices
from tests.batch.application import app


@given(st.integers(0, 10**7), st.integers(0, 10**7), st.integers(1, 10**6), st.integers(1, 16))
def test_slices_abut_and_cover_the_range_and_are_none_too_large(
    start: int, total: int, slice_records: int, workers: int
) -> None:
    if total // slice_records > 10_000:
        return
    found = list(slices(start, start + total, slice_records, workers))
    assert [part.end for part in found[:-1]] == [part.start for part in found[1:]]
    assert all(0 < part.end - part.start <= slice_records for part in found)
    assert (found[0].start, found[-1].end) == (start, start + total) if total else not found


def test_no_worker_waits_for_the_last_slice_of_another() -> None:
    assert len(list(slices(0, 5_000_000, 1_000_000, 2))) == 6
    assert list(slices(0, 50, 1_000_000, 2)) == [Slice(0, 50)]
    lengths = [part.end - part.start for part in slices(0, 5_000_001, 1_000_000, 4)]
    assert max(lengths) - min(lengths) <= 1


class AllButPairs:
    end = 70

    def extends(self, view: View) -> bool:
        return view.name != "pairs"


def test_a_view_goes_on_where_the_last_generation_ends_if_that_holds_it() -> None:
    by_view = {name: group for group in plan(app.views.values(), AllButPairs()) for name in group.views}
    assert by_view["in_sql"] == ViewGroup("rides", ("in_sql",), 70)
    assert by_view["pairs"] == ViewGroup("words", ("pairs",), 0)
    assert by_view["fragile"] == ViewGroup("words", ("fragile",), 70)


def test_without_a_generation_all_views_begin_at_zero_and_python_views_share_the_decoding() -> None:
    groups = plan(app.views.values(), None)
    assert {group.start for group in groups} == {0}
    assert ViewGroup("words", ("fragile", "pairs"), 0) in groups
    assert sorted(name for group in groups for name in group.views) == sorted(app.views)
    assert all(a != b for a, b in pairwise(groups))
