"""What a snapshot is made of: files and facts, as plain data."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from batch.views.published_table import ViewTables


@dataclass(frozen=True, slots=True)
class SnapshotContents:
    """The files that the views of a snapshot read, and what they need to know about them. Paths are absolute.

    Attributes
    ----------
    end
        The cut: every record before this offset is in the snapshot, no other.
    archived
        Records before this offset are in the files of the lake, the others in those of the tail.
    lake, tail
        Files by stream.
    untold
        By file of the lake, the fields of its stream that it has no column of, or an empty one: see
        `eventlog.lake.typed_columns`.
    retracted
        Offsets of events that were taken out of the log.
    generation, batch_end
        The generation that answers for the batch part, and the first offset that it does not cover; None, 0: none.
    tables
        By generation that is kept, the published tables of each view.
    overlays
        By view, the merged tiles that events behind the generation have touched.
    oldest_kept
        By view that has a `keep`, where the oldest tile starts that it shows, in microseconds: see `View.oldest_kept`.
    clocks
        The newest event time by stream, in microseconds.
    small
        The files of the small tables by name.
    scored
        The cut at which the models were asked for their scores.
    fresh
        The file that says up to when nothing newer was known.
    """

    end: int = 0
    archived: int = 0
    lake: Mapping[str, Sequence[str]] = field(default_factory=dict)
    tail: Mapping[str, Sequence[str]] = field(default_factory=dict)
    untold: Mapping[str, Collection[str]] = field(default_factory=dict)
    retracted: Collection[int] = ()
    generation: int | None = None
    batch_end: int = 0
    tables: Mapping[int, Mapping[str, ViewTables]] = field(default_factory=dict)
    overlays: Mapping[str, str] = field(default_factory=dict)
    oldest_kept: Mapping[str, int] = field(default_factory=dict)
    clocks: Mapping[str, int] = field(default_factory=dict)
    small: Mapping[str, str] = field(default_factory=dict)
    scored: str = "0:0"
    fresh: str | None = None

    @property
    def files(self) -> list[str]:
        """Every file that a query may read."""
        found = [path for files in (*self.lake.values(), *self.tail.values()) for path in files]
        found += [path for by_view in self.tables.values() for tables in by_view.values() for path in tables.paths]
        found += [*self.overlays.values(), *self.small.values()]
        return found if self.fresh is None else [*found, self.fresh]
