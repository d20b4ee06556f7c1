from __future__ import annotations

import pytest

from anabranch import App, Cut
from speed.errors import StandsStillError
from speed.state import SpeedState
from speed.still_reader import StillReader


def test_who_waits_for_what_is_not_folded_is_told_that_it_never_will_be(app: App) -> None:
    reader = StillReader(app, SpeedState())
    assert reader.when_past(Cut()).result(0) == Cut()
    with pytest.raises(StandsStillError, match="stands still at 0:0; it will not pass 0:3"):
        reader.when_past(Cut((3,))).result(0)
