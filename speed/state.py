"""What the speed layer knows, and the pure fold that brings it forward.

Invariants
----------
- ``epochs`` is never empty; their starts ascend; together they cover ``[publication.cut, cut)`` without gap or
  overlap (``[0, cut)`` before the first publication).
- There are at most two epochs between two markers: the one that a running batch covers, and the one it opened.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from anabranch import SYSTEM, App, Cut, CutError, Events
from anabranch.view import Tiles
from eventlog.publication import Publication
from eventlog.segment import Segment

Adopt = Callable[[Publication], bool]
"""Whether a published generation can be served: it is intact, and made by the definitions in force."""


@dataclass(slots=True)
class Epoch:
    """View states between two batch markers.

    Attributes
    ----------
    start
        The first offset that it covers.
    run
        The batch run whose marker opened it; None for the first.
    tiles
        The tiles of every view by its name.
    """

    start: Cut
    run: str | None = None
    tiles: dict[str, Tiles] = field(default_factory=dict)

    def join(self, later: Epoch, app: App) -> None:
        """Take over the epoch that begins where this one ends."""
        for name, theirs in later.tiles.items():
            mine = self.tiles.setdefault(name, {})
            small, large = sorted((mine, theirs), key=len)
            app.views[name].merge_tiles(large, small)
            self.tiles[name] = large


@dataclass(slots=True)
class SpeedState:
    """All that the fold of the log up to `cut` amounts to, less what the batch layer covers.

    Attributes
    ----------
    cut
        How much of the log was folded.
    publication
        The generation that answers for what lies before the first epoch; None: there is nothing before it.
    epochs
        See `Epoch`. An answer merges all of them.
    watermarks
        The newest event time, in microseconds, by stream.
    """

    cut: Cut = field(default_factory=Cut)
    publication: Publication | None = None
    epochs: list[Epoch] = field(default_factory=lambda: [Epoch(Cut())])
    watermarks: dict[str, int] = field(default_factory=dict)

    @classmethod
    def after(cls, publication: Publication) -> SpeedState:
        """The state in which everything before the publication's cut is left to the batch layer."""
        return cls(publication.cut, publication, [Epoch(publication.cut)])


def apply(state: SpeedState, segment: Segment, app: App, adopt: Adopt, events: Events | None = None) -> Counter[str]:
    """Fold one segment into `state`, in place.

    Parameters
    ----------
    segment
        The records that come next. Nothing happens if they do not begin exactly at ``state.cut``.
    adopt
        Asked once for every ``batch_published`` marker.
    events
        The segment's events, if the caller has decoded them already.

    Returns
    -------
    Counter
        By view, on how many events a function of the user raised.

    Raises
    ------
    CutError
        If the segment leaves a gap or overlaps what was folded.
    """
    expected = state.cut.offsets[segment.partition]
    if segment.offset != expected:
        raise CutError(f"fold of partition {segment.partition}", expected, segment.offset)
    failures: Counter[str] = Counter()
    if segment.stream == SYSTEM:
        for record in segment.records():
            _mark(state, record.data, Cut((record.offset,)), app, adopt)
    elif segment.stream in app.streams:
        events = events or events_of(segment, app)
        tiles_by_view = state.epochs[-1].tiles
        for view in app.views_of(segment.stream):
            failed = view.fold(tiles_by_view.setdefault(view.name, {}), events)
            if failed:
                failures[view.name] += failed
        newest = max(segment.times)
        state.watermarks[segment.stream] = max(newest, state.watermarks.get(segment.stream, newest))
    state.cut = Cut((segment.end,))
    return failures


def events_of(segment: Segment, app: App) -> Events:
    """The events of a segment of one of the application's streams."""
    return Events(app.streams[segment.stream], segment.partition, segment.offset, segment.times, segment.data)


def _mark(state: SpeedState, marker: dict[str, Any], at: Cut, app: App, adopt: Adopt) -> None:
    """Obey a batch marker at its place in the log. Other system events do not concern the views."""
    kind = marker["kind"]
    if kind == "batch_started":
        _join_pending(state, app)  # the lease fences an older run: it can no longer publish
        state.epochs.append(Epoch(at, marker["run"]))
    elif kind == "batch_failed" and state.epochs[-1].run == marker["run"]:
        _join_pending(state, app)
    elif kind == "batch_published":
        _publish(state, Publication.of(marker), adopt)


def _join_pending(state: SpeedState, app: App) -> None:
    """Give an epoch whose run will not publish back to the one before it."""
    while len(state.epochs) > 1:
        later = state.epochs.pop()
        state.epochs[-1].join(later, app)


def _publish(state: SpeedState, publication: Publication, adopt: Adopt) -> None:
    """Drop what the published generation covers; keep everything if it cannot be served."""
    if not adopt(publication):
        return
    kept = [epoch for epoch in state.epochs if not _before(epoch.start, publication.cut)]
    if not kept or kept[0].start != publication.cut:
        raise CutError(
            f"generation {publication.generation} and the epochs behind it",
            publication.cut,
            kept[0].start if kept else state.epochs[-1].start,
        )
    kept[0] = replace(kept[0], run=None)
    state.epochs = kept
    state.publication = publication


def _before(cut: Cut, other: Cut) -> bool:
    return not cut.covers(other)


def forget_expired(state: SpeedState, app: App) -> int:
    """Drop tiles that `keep` hides for good, and return how many. Answers do not change."""
    dropped = 0
    for view in app.views.values():
        watermark = state.watermarks.get(view.of.name)
        if view.keep_us is None or view.tile_us is None or watermark is None:
            continue
        oldest = watermark - view.keep_us - view.tile_us
        for epoch in state.epochs:
            tiles = epoch.tiles.get(view.name, {})
            for key in [key for key, by_start in tiles.items() if min(by_start) <= oldest]:
                expired = [start for start in tiles[key] if start <= oldest]
                dropped += len(expired)
                for start in expired:
                    del tiles[key][start]
                if not tiles[key]:
                    del tiles[key]
    return dropped
