"""A run knows the places of earlier runs by the token of its lease."""

from __future__ import annotations

from itertools import pairwise

from batch.run_place import is_earlier, place_of


def test_a_run_clears_what_earlier_leases_left_and_nothing_of_later_ones() -> None:
    places = [place_of(run, token) for token, run in ((8, "z"), (9, "a"), (10, "3-b"), (11, ""))]
    assert [is_earlier(place, 10) for place in places] == [True, True, False, False]
    for earlier, later in pairwise(range(8, 12)):
        assert is_earlier(place_of("same", earlier), later)
        assert not is_earlier(place_of("same", later), earlier)


def test_places_of_a_release_without_tokens_are_earlier_ones() -> None:
    assert is_earlier("20260101T000000Z-7", 1)
    assert is_earlier("nightly", 1)
