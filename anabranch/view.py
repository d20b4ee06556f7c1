"""A view: a named, keyed, time-bucketed aggregate of a stream."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from anabranch.agg.aggregate import Aggregate, State
from anabranch.contributions import Cells, Key, Tiles, contributions_of
from anabranch.errors import DefinitionError
from anabranch.events import Events
from anabranch.fingerprint import described, digest
from anabranch.function import problem_of
from anabranch.names import check_columns
from anabranch.stream import Stream

__all__ = ["By", "Cells", "Key", "Tiles", "View", "key_order"]

By = str | tuple[str, ...] | Callable[[Any], Any]


@dataclass(frozen=True, eq=False)
class View:
    """A named, keyed, time-bucketed aggregate of a stream. Made by `App.view`.

    Attributes
    ----------
    name
        The name in paths, SQL and files.
    of
        The stream it is a view of.
    by
        The key: a field, a tuple of fields, or a function ``event -> key | list of keys`` (the key field is then
        called ``key``, and a key that is not a text becomes one).
    tile_us, keep_us
        The width of a tile, and how long tiles are kept behind the newest event time, in microseconds; None: one
        tile for all time, and for ever.
    where
        A function of the event: only events for which it is true count.
    aggregates
        The aggregates by name.
    """

    name: str
    of: Stream
    by: By
    aggregates: Mapping[str, Aggregate]
    tile_us: int | None = None
    keep_us: int | None = None
    where: Callable[[Any], object] | None = None
    location: str | None = None
    key_fields: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        by = self.by
        fields = by if isinstance(by, (tuple, list)) else (by,)
        object.__setattr__(self, "key_fields", ("key",) if callable(by) else tuple(fields))
        self._check()
        bound = {
            name: aggregate.bind(
                f"view {self.name!r}, aggregate {name!r}", self._field(name, aggregate.field), self.location
            )
            for name, aggregate in self.aggregates.items()
        }
        object.__setattr__(self, "aggregates", bound)

    # the fold

    def fold(self, tiles: Tiles, events: Events) -> int:
        """Fold events, in their order, into `tiles`.

        Returns
        -------
        int
            How often a function of the user raised. An event on which `by` or the view's `where` did is left out of
            this view; one on which an aggregate's `where` did, out of this aggregate; and the same in every layer.
        """
        contributions = contributions_of(self, events)
        contributions.fold_into(tiles)
        return contributions.failures

    # the monoid

    def zero(self) -> Cells:
        """The cells of no event at all."""
        return [aggregate.zero() for aggregate in self.aggregates.values()]

    @cached_property
    def copies(self) -> list[tuple[int, Callable[[State], State]]]:
        """Of each slot whose states may change in place, what copies one."""
        return [
            (slot, aggregate.copied)
            for slot, aggregate in enumerate(self.aggregates.values())
            if not aggregate.immutable
        ]

    def merge(self, cells: Cells, other: Cells) -> Cells:
        """The cells of the events of both. It may change `cells` and return it; `other` stays as it is."""
        return [
            aggregate.merge(mine, theirs)
            for aggregate, mine, theirs in zip(self.aggregates.values(), cells, other, strict=True)
        ]

    def merge_tiles(self, tiles: Tiles, other: Tiles) -> None:
        """Merge `other` into `tiles`, which from then on may share cells with it."""
        for key, theirs in other.items():
            mine = tiles.setdefault(key, theirs)
            if mine is theirs:
                continue
            for start, cells in theirs.items():
                mine[start] = self.merge(mine[start], cells) if start in mine else cells

    def present(self, cells: Cells) -> dict[str, Any]:
        """The answers by aggregate name, as JSON values."""
        return {
            name: aggregate.present(state)
            for (name, aggregate), state in zip(self.aggregates.items(), cells, strict=True)
        }

    # what `keep` hides

    def oldest_kept(self, clock: int | None) -> int | None:
        """The start of the oldest tile that `keep` shows: every layer hides those before it, and no other.

        A tile is hidden once it ended `keep` or longer before the clock.

        Parameters
        ----------
        clock
            The newest event time of the view's stream, in microseconds; None: there was no event.

        Returns
        -------
        int or None
            In microseconds, the start of a tile; None: no tile is hidden.
        """
        if self.keep_us is None or self.tile_us is None or clock is None:
            return None
        # the latest start that is hidden: such a tile ends exactly `keep` before the clock; it need not be aligned
        hidden = clock - self.keep_us - self.tile_us
        if hidden < -(2**62):
            return None  # before all events; SQL has no integer for what lies much further back
        return hidden - hidden % self.tile_us + self.tile_us

    @staticmethod
    def kept_sql(tile: str, oldest: int | None, type_: Literal["BIGINT", "TIMESTAMPTZ"] = "BIGINT") -> str:
        """SQL of whether `keep` shows a tile.

        Parameters
        ----------
        tile
            SQL of the start of the tile.
        oldest
            What `oldest_kept` says.
        type_
            What `tile` is: microseconds or an instant.
        """
        if oldest is None:
            return "true"
        # not epoch_us(tile): as a plain column it lets DuckDB pass over whole row groups of a Parquet file
        return f"{tile} >= {oldest if type_ == 'BIGINT' else f'make_timestamptz({oldest})'}"

    # packed

    @property
    def key_columns(self) -> list[str]:
        """The names of the columns that hold its key fields wherever packed cells are."""
        return [f"k{index}" for index in range(len(self.key_fields))]

    @cached_property
    def columns(self) -> tuple[tuple[str, str], ...]:
        """(name, SQL type) of every column of packed cells: ``<aggregate>__<column>``."""
        return tuple(
            (f"{name}__{column.name}", column.type)
            for name, aggregate in self.aggregates.items()
            for column in aggregate.columns
        )

    def pack(self, cells: Cells) -> tuple[Any, ...]:
        """The cells as one plain value per column of `columns`."""
        return tuple(
            value
            for aggregate, state in zip(self.aggregates.values(), cells, strict=True)
            for value in aggregate.pack(state)
        )

    def unpack(self, packed: Sequence[Any]) -> Cells:
        """The cells that were packed."""
        cells, at = [], 0
        for aggregate in self.aggregates.values():
            width = len(aggregate.columns)
            cells.append(aggregate.unpack(packed[at : at + width]))
            at += width
        return cells

    # what it is

    @cached_property
    def fingerprint(self) -> str:
        """A digest of the definition: equal fingerprints mean that states can be merged.

        `keep` is not part of it: it hides tiles, it does not change them. Nor are fields that the view does not name: a
        stream may get new ones, and a function that looks at one of those is another function.
        """
        used = {name for name in (*self.key_fields, *(a.field for a in self.aggregates.values())) if name is not None}
        kinds = sorted((name, f.kind) for name, f in self.of.fields.items() if name in used)
        parts = [self.of.name, self.of.time, kinds, self.key_fields, described(self.by), self.tile_us]
        parts.append(described(self.where))
        for name, a in self.aggregates.items():
            parts.append((name, type(a).__name__, a.field, a.parameters, described(a.where)))
        return digest(parts)

    @property
    def vectorised(self) -> bool:
        """Whether the whole view can be folded as SQL: no function of the user is in it."""
        return not callable(self.by) and self.where is None and all(a.where is None for a in self.aggregates.values())

    def _field(self, aggregate: str, name: str | None) -> Any:
        if name is None:
            return None
        if name not in self.of.fields:
            raise DefinitionError(
                f"view {self.name!r}, aggregate {aggregate!r}",
                f"{name!r} is not a field of {self.of.model.__name__}",
                f"Take one of: {', '.join(self.of.fields)}",
                self.location,
            )
        return self.of.fields[name]

    def _check(self) -> None:
        where = f"view {self.name!r}"
        if not self.aggregates:
            raise DefinitionError(where, "has no aggregate", "Add one, like rentals=agg.count()", self.location)
        for name, aggregate in self.aggregates.items():
            if not isinstance(aggregate, Aggregate):
                raise DefinitionError(
                    f"{where}, aggregate {name!r}",
                    f"{aggregate!r} is not an aggregate",
                    f"Write one from the module agg, like {name}=agg.count()",
                    self.location,
                )
        check_columns(where, map(str, self.key_fields), self.aggregates, self.location)
        if self.where is not None and (problem := problem_of(self.where, "event")):
            raise DefinitionError(where, f"where={self.where!r} {problem}", "Write where=lambda e: ...", self.location)
        if callable(self.by):
            if problem := problem_of(self.by, "event"):
                raise DefinitionError(where, f"by={self.by!r} {problem}", "Write by=lambda e: ...", self.location)
            return
        if len(set(self.key_fields)) < len(self.key_fields):
            raise DefinitionError(where, f"by={self.by!r} names a field twice", "Name it once", self.location)
        for name in self.key_fields:
            if name not in self.of.fields or self.of.fields[name].kind not in ("text", "integer", "boolean"):
                usable = ", ".join(n for n, f in self.of.fields.items() if f.kind in ("text", "integer", "boolean"))
                raise DefinitionError(
                    where,
                    f"by={name!r} is not a field of {self.of.model.__name__} that can be a key",
                    f"Take one of {usable}, a tuple of them, or a function event -> key",
                    self.location,
                )
            if name.lower() in RESERVED:
                raise DefinitionError(
                    where,
                    f"the key field {name!r} is a word of the query",
                    f"Write by=lambda e: e.{name}",
                    self.location,
                )


RESERVED = frozenset({"tile", "start", "end", "last", "layer", "group", "limit", "after", "next", "timeout_ms"})
"""Query words of ``GET /v1/views/{view}``, which key fields cannot be called."""


def key_order(key: Key) -> tuple[tuple[bool, Any], ...]:
    """What to sort keys by: a missing value before any other, then the natural order.

    >>> sorted([("b",), (None,), ("a",)], key=key_order)
    [(None,), ('a',), ('b',)]
    """
    return tuple((value is not None, value if value is not None else 0) for value in key)
