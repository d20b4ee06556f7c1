"""The fold of the views alone, in the process that writes snapshots, which remembers the tiles that it touched.

It folds the log by the same functions as the service, from the same checkpoints, so that it has to the bit what the
service has at the same cut; and it never takes the service's time, nor the lock of its state. Beside the state it
knows which tiles the fold has touched: only these are merged and presented again.
"""

from __future__ import annotations

import marshal
from collections.abc import Iterator
from contextlib import nullcontext
from functools import reduce
from typing import Any

from anabranch import App, Cut, CutError, View
from anabranch.contributions import Cells, Key, contributions_of
from anabranch.watermarks import advance
from eventlog.decisions import BatchFailed, BatchStarted, Publication, decisions_of
from eventlog.log.segment import Segment
from speed.expiry import Expiry
from speed.fold import apply, events_of
from speed.state import CanServe, SpeedState
from speed.tile_selection import Place


class ViewFold:
    """The state of the fold, and what has changed in it since somebody looked.

    Parameters
    ----------
    app, can_serve
        As for `speed.fold.apply`.
    state
        What was recovered. Models are not folded: their learners stay where they were.
    """

    def __init__(self, app: App, state: SpeedState, can_serve: CanServe):
        self._state = state
        self._app = app
        self._can_serve = can_serve
        self._expiry = Expiry(app)
        self._touched: dict[str, set[Place] | None] = dict.fromkeys(app.views)

    @property
    def end(self) -> int:
        """How far it is."""
        return self._state.cut.offsets[0]

    @property
    def publication(self) -> Publication | None:
        """The generation that answers for what lies before its epochs."""
        return self._state.publication

    @property
    def left_out(self) -> frozenset[int]:
        """The offsets of events that were taken out of the log, and that nothing of it holds."""
        return self._state.left_out

    @property
    def clocks(self) -> dict[str, int]:
        """The newest event time, in microseconds, by stream."""
        return dict(self._state.watermarks)

    def fold(self, segment: Segment) -> None:
        """Fold the segment that comes next."""
        if segment.stream in self._app.streams:
            self._fold_events(segment)
            return
        apply(self._state, segment, self._app, self._can_serve)
        if any(isinstance(decision, BatchStarted | BatchFailed | Publication) for _, decision in decisions_of(segment)):
            self._touched = dict.fromkeys(self._app.views)  # epochs came, went or were joined

    def _fold_events(self, segment: Segment) -> None:
        state, expected = self._state, self.end
        if segment.offset != expected:
            raise CutError(f"fold of partition {segment.partition}", expected, segment.offset)
        events = events_of(segment, self._app)
        tiles_by_view = state.epochs[-1].tiles
        for view in self._app.views_of(segment.stream):
            contributions = contributions_of(view, events)
            contributions.fold_into(tiles_by_view.setdefault(view.name, {}))
            touched = self._touched[view.name]  # None: all are to be looked at anyway
            if touched is not None:
                touched.update(zip(contributions.keys, contributions.starts, strict=True))
        advance(state.watermarks, segment.stream, [max(segment.times)])
        state.cut = Cut((segment.end,))

    # looking

    def is_touched(self, view: View) -> bool:
        """Whether anything has changed since `take`."""
        touched = self._touched[view.name]
        return touched is None or bool(touched)

    def take(self, view: View) -> tuple[list[Place], bool]:
        """The tiles that have changed since the last time, and whether these are all that the epochs hold."""
        touched = self._touched[view.name]
        self._touched[view.name] = set()
        if touched is not None:
            return list(touched), False
        return list(dict.fromkeys(self._places(view))), True

    def _places(self, view: View) -> Iterator[Place]:
        for epoch in self._state.epochs:
            for key, by_start in epoch.tiles.get(view.name, {}).items():
                for start in by_start:
                    yield key, start

    def cells(self, view: View, key: Key, start: int) -> Cells | None:
        """The speed part of a tile, to be kept; None: it has none."""
        parts: list[Any] = []
        for epoch in self._state.epochs:
            found = epoch.tiles.get(view.name, {}).get(key, {}).get(start)
            if found is not None:
                parts.append(found)
        if not parts:
            return None
        # merging may change what it is given: this is a copy, as it is where the service answers
        kept: list[Cells] = marshal.loads(marshal.dumps(parts))
        return reduce(view.merge, kept)

    def oldest_kept(self, view: View) -> int | None:
        """What `View.oldest_kept` says of everything before the cut, the generation's part included."""
        return view.oldest_kept(self._state.watermarks.get(view.of.name))

    def drop_expired(self) -> None:
        """Drop tiles that `keep` hides for good."""
        if self._expiry.drop_expired(self._state, nullcontext):
            self._touched = dict.fromkeys(self._app.views)
