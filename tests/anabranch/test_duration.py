from __future__ import annotations

import pytest

from anabranch.duration import duration_us


@pytest.mark.parametrize(
    ("text", "us"), [("1ms", 1_000), ("15m", 900_000_000), (" 2 h ", 7_200_000_000), ("1w", 604_800_000_000)]
)
def test_a_duration_is_a_whole_number_and_a_unit(text: str, us: int) -> None:
    assert duration_us(text) == us


@pytest.mark.parametrize("text", ["", "1", "h", "0h", "-1h", "1.5h", "1 hour", "1H", "1h30m", "1000000000d", "1h\n5"])
def test_what_is_no_duration_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="like '1h'"):
        duration_us(text)
