"""The exclusive prefix-merge, by its law."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from batch.views.prefix_scan import scan


@given(st.text(), st.lists(st.text()))
def test_every_prefix_is_the_merge_of_what_came_before(previous: str, deltas: list[str]) -> None:
    prefixes = list(scan(previous, deltas, lambda some, more: some + more))
    assert prefixes == [previous + "".join(deltas[:index]) for index in range(len(deltas) + 1)]


@given(st.text(), st.lists(st.text()), st.data())
def test_a_scan_goes_on_where_another_ended(previous: str, deltas: list[str], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(deltas)))

    def merge(some: str, more: str) -> str:
        return some + more

    first = list(scan(previous, deltas[:at], merge))
    assert first[:-1] + list(scan(first[-1], deltas[at:], merge)) == list(scan(previous, deltas, merge))
