"""What the places of a run are called, on its machine and in the store: by the token of its lease first.

A run removes what earlier ones left. It may have slept since it took its lease, and another have taken over: what that
one has is of a later lease, and left alone.
"""

from __future__ import annotations


def place_of(run: str, token: int) -> str:
    """The name of a run's places.

    >>> place_of("nightly", 7)
    '7-nightly'
    """
    return f"{token}-{run}"


def is_earlier(place: str, token: int) -> bool:
    """Whether a place is that of an earlier lease, or of an earlier release, which had no tokens in them.

    >>> [is_earlier(place, 7) for place in ("6-nightly", "7-nightly", "8-nightly", "nightly")]
    [True, False, False, True]
    """
    found = place.partition("-")[0]
    return not found.isdecimal() or int(found) < token
