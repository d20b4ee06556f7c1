"""What the fold touches, told to those who read a state in several steps while it goes on.

Reading many keys with the state standing still from the first to the last would hold the fold up. So who reads many
looks at some keys at a time, and in the end once more at those that were touched meanwhile: what is then taken is true
of one cut, as if all of it had been taken there.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from anabranch.contributions import Contributions
from anabranch.view import Key


class Touches:
    """Who follows which views of a state."""

    def __init__(self) -> None:
        self._followers: dict[str, list[set[Key]]] = {}

    @contextmanager
    def following(self, view: str) -> Iterator[set[Key]]:
        """The keys of a view that are touched from now on, as the set grows."""
        touched: set[Key] = set()
        self._followers.setdefault(view, []).append(touched)
        try:
            yield touched
        finally:
            self._followers[view] = [other for other in self._followers[view] if other is not touched]

    def note(self, contributions: Contributions) -> None:
        """The fold has added these."""
        for touched in self._followers.get(contributions.view.name, ()):
            touched.update(contributions.keys)
