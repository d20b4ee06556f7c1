"""Who follows a view learns of every key that the fold touches, and only while it follows."""

from __future__ import annotations

import pytest

from anabranch import App
from anabranch.contributions import Contributions, contributions_of
from speed.fold import events_of
from speed.touches import Touches
from tests.speed.conftest import ride, segment


def added(app: App, view: str, *stations: str) -> Contributions:
    events = events_of(segment(0, "rides", [ride(station) for station in stations]), app)
    return contributions_of(app.views[view], events)


def test_keys_are_told_from_the_beginning_of_the_following_to_its_end(app: App) -> None:
    touches = Touches()
    touches.note(added(app, "ever", "before"))
    with touches.following("ever") as touched:
        assert touched == set()
        touches.note(added(app, "ever", "A", "B"))
        touches.note(added(app, "ever", "B"))
        touches.note(added(app, "hourly", "of another view"))
        assert touched == {("A",), ("B",)}
    touches.note(added(app, "ever", "after"))
    assert touched == {("A",), ("B",)}


def test_several_follow_one_view_each_from_when_it_began(app: App) -> None:
    touches = Touches()
    with touches.following("ever") as first:
        touches.note(added(app, "ever", "A"))
        with touches.following("ever") as second:
            touches.note(added(app, "ever", "B"))
        touches.note(added(app, "ever", "C"))
    assert (first, second) == ({("A",), ("B",), ("C",)}, {("B",)})


def test_who_breaks_off_follows_no_more(app: App) -> None:
    touches = Touches()
    with pytest.raises(ZeroDivisionError), touches.following("ever") as touched:
        raise ZeroDivisionError
    touches.note(added(app, "ever", "A"))
    assert touched == set()
