"""The independent road: every view once more, from the raw log, by plain Python and SQL instead of the fold.

Events are read as they are stored, as instances of the model, keyed by plain Python, and written to a DuckDB file;
SQL then gathers, for every tile, the evidence that each aggregate's `judge` asks for.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import pyarrow as pa
from pydantic import AnyUrl, BaseModel

from anabranch import App, View
from anabranch.agg.aggregate import Aggregate
from anabranch.instant import instant_us
from anabranch.view import Key
from eventlog.log.segment import Segment

Evidence = tuple[Key, int, list[Any]]
"""(key, start of the tile, evidence of each aggregate)."""
_ARROW_BY_KIND = {
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "text": pa.string(),
    "instant": pa.int64(),
    "other": pa.bool_(),
}
_FLUSH_ROWS = 50_000
_FETCH_ROWS = 1_000


class Recount:
    """Every view of an application once more, on disk.

    Parameters
    ----------
    app
        Whose views.
    folder
        Where the DuckDB file goes; whoever made it removes it.
    """

    def __init__(self, app: App, folder: Path):
        self._streams = app.streams
        self._database = duckdb.connect(folder / "recount.duckdb")
        self._database.execute("SET memory_limit = '1GB'")
        self._database.execute("SET temp_directory = '" + str(folder).replace("'", "''") + "'")
        self._database.execute("SET preserve_insertion_order = false")
        self._tables = [_Table(self._database, view) for view in app.views.values()]
        self.watermark_by_stream: dict[str, int] = {}
        """The newest event time of each stream, in microseconds."""

    def add(self, segment: Segment) -> None:
        """Take in a segment of the log; those of other applications' streams are passed over."""
        if segment.stream not in self._streams:
            return
        tables = [table for table in self._tables if table.view.of.name == segment.stream]
        for index, event in enumerate(self._streams[segment.stream].validate(segment.data)):
            time = segment.times[index]
            newest = self.watermark_by_stream.get(segment.stream, time)
            self.watermark_by_stream[segment.stream] = max(newest, time)
            for table in tables:
                table.add(event, time, segment.partition, segment.offset + index)

    def evidence(self, view: View) -> Iterator[Evidence]:
        """What the log says of every tile of a view, in the order in which views answer; without hidden tiles."""
        table = next(table for table in self._tables if table.view is view)
        return table.evidence(self.watermark_by_stream.get(view.of.name))

    def tiles(self, view: View) -> int:
        """How many tiles of a view the log makes, the hidden ones included."""
        return next(table for table in self._tables if table.view is view).tiles()

    def close(self) -> None:
        """Close the file."""
        self._database.close()


class _Table:
    """The contributions to one view, a row each."""

    def __init__(self, database: duckdb.DuckDBPyConnection, view: View):
        self.view = view
        self._database = database
        self._name = f'"view_{view.name}"'
        self._keys = [f"k{slot}" for slot in range(len(view.key_fields))]
        kinds = ["text" if callable(view.by) else view.of.fields[name].kind for name in view.key_fields]
        self._schema = pa.schema(
            [(name, _ARROW_BY_KIND[kind]) for name, kind in zip(self._keys, kinds, strict=True)]
            + [(name, pa.int64()) for name in ("tile", "time", "partition", "place")]
            + [(f"v{slot}", _arrow_type(view, aggregate)) for slot, aggregate in enumerate(view.aggregates.values())]
        )
        self._rows: list[tuple[Any, ...]] = []
        empty = self._schema.empty_table()
        database.register("rows", empty)
        database.execute(f"CREATE TABLE {self._name} AS FROM rows")

    def add(self, event: BaseModel, time: int, partition: int, offset: int) -> None:
        """Write down what an event contributes; nothing if a function of the user raises on it."""
        view = self.view
        try:
            if view.where is not None and not view.where(event):
                return
            keys = _keys(view, event)
        except Exception:  # as the contract of `by` and `where` says: the event is left out of this view
            return
        tile = 0 if view.tile_us is None else time // view.tile_us * view.tile_us
        values = [_value(aggregate, event) for aggregate in view.aggregates.values()]
        self._rows += [(*key, tile, time, partition, offset, *values) for key in keys]
        if len(self._rows) >= _FLUSH_ROWS:
            self._flush()

    def _flush(self) -> None:
        if self._rows:
            columns = zip(*self._rows, strict=True)
            arrays = [pa.array(c, field.type) for c, field in zip(columns, self._schema, strict=True)]
            self._database.register("rows", pa.table(arrays, schema=self._schema))
            self._database.execute(f"INSERT INTO {self._name} FROM rows")
            self._rows = []

    def tiles(self) -> int:
        self._flush()
        group = ", ".join([*self._keys, "tile"])
        query = f"SELECT count(*) FROM (SELECT DISTINCT {group} FROM {self._name})"
        ((count,),) = self._database.execute(query).fetchall()
        return int(count)

    def evidence(self, watermark: int | None) -> Iterator[Evidence]:
        self._flush()
        view = self.view
        place = "row(time, partition, place)"
        found = [a.evidence_sql(f"v{slot}", place) for slot, a in enumerate(view.aggregates.values())]
        shown = "true"
        if view.keep_us is not None and view.tile_us is not None and watermark is not None:
            shown = f"tile + {view.tile_us} > {watermark - view.keep_us}"
        group = ", ".join([*self._keys, "tile"])
        order = ", ".join([*(f"{key} NULLS FIRST" for key in self._keys), "tile"])
        with self._database.cursor() as cursor:
            cursor.execute(
                f"SELECT {group}, {', '.join(found)} FROM {self._name} WHERE {shown} GROUP BY {group} ORDER BY {order}"
            )
            width = len(self._keys)
            while rows := cursor.fetchmany(_FETCH_ROWS):
                for row in rows:
                    yield row[:width], row[width], list(row[width + 1 :])


def _arrow_type(view: View, aggregate: Aggregate) -> pa.DataType:
    return _ARROW_BY_KIND["other" if aggregate.field is None else view.of.fields[aggregate.field].kind]


def _keys(view: View, event: BaseModel) -> list[Key]:
    if not callable(view.by):
        return [tuple(_plain(getattr(event, name)) for name in view.key_fields)]
    found = view.by(event)
    keys = found if isinstance(found, (list, tuple, set, frozenset)) else [found]
    return [(None if key is None else str(key),) for key in keys]


def _value(aggregate: Aggregate, event: BaseModel) -> Any:
    """What an event gives to an aggregate; None: nothing."""
    if aggregate.where is not None:
        try:
            if not aggregate.where(event):
                return None
        except Exception:  # as in _Table.add
            return None
    if aggregate.field is None:
        return True
    value = getattr(event, aggregate.field)
    if value is None:
        return None
    return True if aggregate.kind == "other" else _plain(value)


def _plain(value: Any) -> Any:
    """A field's value as a number, a text or a boolean; an instant as microseconds."""
    match value:
        case enum.Enum():
            return str(value.value)
        case datetime():
            return instant_us(value)
        case date():
            return value.isoformat()
        case Decimal():
            number = float(value)  # beyond the range of floats it is no value, as the fields of streams say
            return number if math.isfinite(number) else None
        case UUID() | AnyUrl():
            return str(value)
    return value
