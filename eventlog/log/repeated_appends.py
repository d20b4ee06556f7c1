"""Appends of one commit that carry the key of an earlier request: the pure part, the same for every kind of log."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from anabranch import Cut
from eventlog.errors import KeyReusedError
from eventlog.log import Append, Appended
from eventlog.log.keyed_requests import Answered


class RepeatedAppends:
    """Which appends of a commit are told what an earlier request was, and are not to be written.

    Parameters
    ----------
    find
        The first request with a key, if there was one; called while no other writer is at work.
    appends
        In the order in which they came: of two with the same key the first is carried out.
    """

    def __init__(self, find: Callable[[str], Answered | None], appends: Sequence[Append]):
        self._appends = appends
        self._by_place: dict[int, Answered] = {}
        self._place_by_key: dict[str, int] = {}
        self._again: list[int] = []
        for place, append in enumerate(appends):
            if append.request is None:
                continue
            if append.request.key in self._place_by_key:
                self._again.append(place)
            elif (known := find(append.request.key)) is not None:
                self._by_place[place] = known
            else:
                self._place_by_key[append.request.key] = place

    def is_new(self, place: int) -> bool:
        """Whether the append at this place is to be carried out."""
        return place not in self._by_place and place not in self._again

    def settle(self, done: Mapping[int, Appended], position: Cut) -> dict[str, Answered]:
        """Take up what became of the others, by place; returns what is to be stored, by key."""
        new = {}
        for key, place in self._place_by_key.items():
            request = self._appends[place].request
            assert request is not None
            new[key] = Answered(request.digest, request.answer(done[place]), position)
        for place in self._again:
            request = self._appends[place].request
            assert request is not None
            self._by_place[place] = new[request.key]
        return new

    def outcome(self, place: int) -> Appended | KeyReusedError:
        """What becomes of an append that is not new."""
        request = self._appends[place].request
        assert request is not None
        try:
            told = self._by_place[place].repeated(request.key, request.digest)
        except KeyReusedError as error:
            return error
        return Appended(told.position, 0, 0, told)
