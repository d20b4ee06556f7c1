"""The wall clock, which everything that needs it takes as an argument."""

from __future__ import annotations

import time
from collections.abc import Callable

Clock = Callable[[], int]
"""Microseconds since 1970."""


def now_us() -> int:
    """The time of this machine."""
    return time.time_ns() // 1000
