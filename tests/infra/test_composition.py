"""The parts of a process: made from the settings, or refused with what is wrong in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.composition import opened
from infra.errors import UsageError
from infra.settings import Settings


@pytest.mark.parametrize("character", ["[", "]", "*", "\\", "?", "|", "^", "\n"])
def test_a_home_that_an_engine_cannot_take_is_refused(tmp_path: Path, character: str) -> None:
    (tmp_path / f"a{character}b").mkdir()
    linked = tmp_path / "link"
    linked.symlink_to(tmp_path / f"a{character}b")
    for home in (tmp_path / f"a{character}b" / "home", linked):
        with (
            pytest.raises(UsageError, match="in its path, which Delta Lake and DuckDB cannot take"),
            opened(Settings.load(home=home)),
        ):
            pass
