"""How many cases a test tries: some normally, more where there is time (``--hypothesis-profile long``)."""

from __future__ import annotations

from hypothesis import settings


def tries(normally: int, long: int) -> int:
    """How many cases to try in this run."""
    return long if settings.get_current_profile_name() == "long" else normally
