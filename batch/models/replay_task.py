"""What is asked of a worker that replays, and what it answers. All of it travels between processes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from anabranch.feature_kinds import Kinds
from batch.exchange import Exchange
from batch.plan import Slice
from eventlog.decisions import Publication
from eventlog.store.address import StoreAddress
from eventlog.store.blobs import Blob

CARRIED_TILES = 200_000
"""Tiles in memory with which a worker still goes on to the next slice."""
COLLECTED_ROWS = 5_000
"""Rows of a model in memory that are turned into columns together."""
SHOWN_EXAMPLES = 5
"""Of the events that were set aside, so many are shown with their reasons."""


@dataclass(frozen=True, slots=True)
class ViewDelta:
    """What one slice adds to one view: a table of tiles, and its newest event time; None: no event."""

    end: int
    table: Blob
    newest: int | None


@dataclass(frozen=True, slots=True)
class ReplayRange:
    """Consecutive slices, and what is known of the log before them.

    Attributes
    ----------
    app
        Where the application is, for `load_app`.
    parts
        The slices.
    files
        By stream, the Parquet files of the lake that hold them.
    base
        What announced the generation that covers everything before the deltas; None: there is none.
    deltas
        By view, those of all slices before the end of the range, in order.
    newest
        The newest event times by stream before the deltas.
    threads, memory_bytes
        What DuckDB may use.
    recorded
        What the registry remembers of fields that stored events lack, see `App.recorded`.
    exchange
        Where the files and the deltas are.
    carried_tiles, collected_rows
        What the worker itself holds: see `CARRIED_TILES` and `COLLECTED_ROWS`.
    """

    app: str
    parts: tuple[Slice, ...]
    files: Mapping[str, tuple[Blob, ...]]
    base: Publication | None
    deltas: Mapping[str, tuple[ViewDelta, ...]]
    newest: Mapping[str, int]
    threads: int | None
    memory_bytes: int
    recorded: Mapping[str, Mapping[str, str]]
    exchange: Exchange
    carried_tiles: int = CARRIED_TILES
    collected_rows: int = COLLECTED_ROWS


@dataclass(frozen=True, slots=True)
class ReplayTask:
    """Everything a worker needs to know.

    Attributes
    ----------
    starts
        By model that is replayed, where its cached rows end.
    kinds
        By model, what the features of its examples before the slices hold, as far as that is known; absent: there is
        none yet.
    store
        Where the generation is, and the rows go.
    scratch
        A folder for what is only needed meanwhile.
    """

    range: ReplayRange
    starts: Mapping[str, int]
    kinds: Mapping[str, Kinds]
    store: StoreAddress
    scratch: str


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of one slice for one model: the answer to a `ReplayTask` is one for each of its slices and models.

    Attributes
    ----------
    file, labels
        What the manifest says of the file of rows, and of the file of labels that arrive later (None: its own label).
    before, kinds
        What the features were taken to hold before the slice; and with it, those before included, None: there is no
        row.
    examples
        The first events that were set aside: ``{"position", "reason"}`` each.
    newest
        The newest event times of its streams.
    """

    model: str
    part: Slice
    file: dict[str, Any]
    labels: dict[str, Any] | None
    before: Kinds | None
    kinds: Kinds | None
    examples: list[dict[str, str]]
    newest: dict[str, int]
