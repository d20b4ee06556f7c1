"""The table of blends."""

from __future__ import annotations

from typing import get_args

import pytest

from anabranch.model import Blending
from speed.blend import BLENDS, blend_of
from speed.blend.fixed_share import FixedShare
from speed.blend.hedge import Hedge


def test_the_table_has_what_an_application_may_name_and_the_default_first() -> None:
    assert tuple(BLENDS) == get_args(Blending)
    assert next(iter(BLENDS)) == "hedge"
    assert isinstance(blend_of("hedge"), Hedge)


def test_an_application_may_bring_its_own_blend() -> None:
    blend = blend_of(lambda: FixedShare(share=0.1))
    assert isinstance(blend, FixedShare)
    assert blend.share == 0.1


def test_an_unknown_name_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(ValueError, match="there is no blend 'hegde'; there are hedge, batch, speed, mean"):
        blend_of("hegde")


def test_the_state_of_another_blend_is_refused() -> None:
    with pytest.raises(ValueError, match="the state is of blend 'hedge', not of 'mean'"):
        blend_of("mean", Hedge(["batch"]).state())
