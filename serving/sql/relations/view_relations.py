"""``view_<view>``: what ``GET /v1/views/<view>`` answers, one row a key and tile; and the batch part of it alone.

Tiles that no event behind the generation has touched come from its published tables as they are. The others are in the
overlay, where Python has merged batch and speed by the very functions that answer over HTTP.
"""

from __future__ import annotations

from anabranch import View
from batch.duckdb_session import parquet_file, quoted
from batch.views import tile_table
from batch.views.published_table import AggregateColumns, aggregate_columns, newest_tiles, same_shown_tile
from serving.sql.relations.relation import Relation, RelationColumn, names, nothing
from serving.sql.relations.snapshot_contents import SnapshotContents


def relations(view: View) -> list[Relation]:
    """``view_<view>`` and ``view_<view>_batch``."""
    columns = [*_key_columns(view), _tile(view), *(_column(each) for each in aggregate_columns(view))]
    every = f"one row a {'key' if view.tile_us is None else 'key and tile'}"
    kept = "" if view.keep_us is None else f", the last {view.keep_us / 86_400e6:g} days"
    return [
        Relation(
            f"view_{view.name}",
            f"View {view.name} of stream {view.of.name}, batch and speed merged, {every}{kept}",
            columns,
            lambda contents: f"SELECT {_typed(view)} FROM ({_merged(view, contents)})",
        ),
        Relation(
            f"view_{view.name}_batch",
            f"What the newest generation alone says of view {view.name}, {every}{kept}",
            columns,
            lambda contents: f"SELECT {_typed(view)} FROM ({_batch(view, contents)})",
        ),
    ]


def overlay_columns(view: View) -> list[tuple[str, str]]:
    """(name, SQL type) of the columns of an overlay, and of the part of a published table that is shown."""
    keys = [type_ for _, type_ in tile_table.columns(view)[: len(view.key_fields)]]
    return [
        *zip(view.key_fields, keys, strict=True),
        ("tile", "TIMESTAMPTZ"),
        *((each.name, each.shown.type) for each in aggregate_columns(view)),
    ]


def history_macro(view: View, contents: SnapshotContents) -> str:
    """SQL that makes the table macro ``view_<view>_at(generation)``: the view as a kept generation has it."""
    columns = _columns(view)
    taken = {name for name, _ in overlay_columns(view)}
    parameter = "generation" if "generation" not in taken else "_generation"  # it would stand for the column
    kept = {number: by_view[view.name] for number, by_view in contents.tables.items() if view.name in by_view}
    told = ", ".join(str(number) for number in sorted(kept)) or "none"
    found = [f"SELECT {number} AS _of, * FROM ({newest_tiles(view, t, columns)})" for number, t in kept.items()]
    found = found or [f"SELECT 0 AS _of, {', '.join(f'NULL::{t} AS {quoted(n)}' for n, t in overlay_columns(view))}"]
    numbers = f"[{', '.join(str(number) for number in sorted(kept))}]::BIGINT[]"
    problem = f"'view {view.name}: generation ' || {parameter} || ' is not kept; kept are: {told}'"
    wanted = f"CASE WHEN list_contains({numbers}, {parameter}::BIGINT) THEN {parameter} ELSE error({problem}) END"
    return (
        f"CREATE OR REPLACE MACRO {quoted(f'view_{view.name}_at')}({parameter}) AS TABLE"
        f" SELECT {_typed(view)} FROM ({' UNION ALL '.join(found)}) WHERE _of = {wanted}"
    )


# sources


def _merged(view: View, contents: SnapshotContents) -> str:
    overlay = contents.overlays.get(view.name)
    if overlay is None:
        return _batch(view, contents)
    touched = f"SELECT {_columns(view)} FROM {parquet_file(overlay)}"
    if contents.generation is None:
        return _kept(view, contents, touched)
    batch = newest_tiles(view, contents.tables[contents.generation][view.name], _columns(view))
    untouched = f"SELECT batch.* FROM ({batch}) AS batch ANTI JOIN ({touched}) AS touched"
    return _kept(view, contents, f"{untouched} ON {same_shown_tile(view, 'batch', 'touched')} UNION ALL {touched}")


def _batch(view: View, contents: SnapshotContents) -> str:
    if contents.generation is None:
        return _nothing(view)
    return _kept(view, contents, newest_tiles(view, contents.tables[contents.generation][view.name], _columns(view)))


def _kept(view: View, contents: SnapshotContents, rows: str) -> str:
    oldest = contents.oldest_kept.get(view.name)
    return rows if oldest is None else f"SELECT * FROM ({rows}) WHERE {view.kept_sql('tile', oldest, 'TIMESTAMPTZ')}"


def _nothing(view: View) -> str:
    return nothing([RelationColumn(name, type_, "") for name, type_ in overlay_columns(view)])


def _columns(view: View) -> str:
    return ", ".join(quoted(name) for name, _ in overlay_columns(view))


# columns


def _key_columns(view: View) -> list[RelationColumn]:
    typed = tile_table.columns(view)
    what = "A key that the view's function made" if callable(view.by) else "The key: the field {} of the event"
    return [RelationColumn(field, typed[index][1], what.format(field)) for index, field in enumerate(view.key_fields)]


def _tile(view: View) -> RelationColumn:
    if view.tile_us is None:
        return RelationColumn("tile", "TIMESTAMPTZ", "Always NULL: the view has one tile for all time")
    return RelationColumn(
        "tile", "TIMESTAMPTZ", f"The start of the time bucket, which is {view.tile_us / 1e6:g} seconds wide"
    )


def _column(each: AggregateColumns) -> RelationColumn:
    aggregate = each.aggregate
    arguments = [*([aggregate.field] if aggregate.field else []), *(str(p) for p in aggregate.parameters)]
    comment = f"{type(aggregate).__name__}({', '.join(arguments)})"
    if aggregate.where is not None:
        comment += " of the events that fulfil the aggregate's where"
    return RelationColumn(
        each.name, each.shown.shown_type, comment if aggregate.error is None else f"{comment}; {aggregate.error}"
    )


def _typed(view: View) -> str:
    """The columns of an overlay as those of the relation."""
    keys = names([*_key_columns(view), _tile(view)])
    return ", ".join([keys, *(_cast(each) for each in aggregate_columns(view))])


def _cast(each: AggregateColumns) -> str:
    name = quoted(each.name)
    shown = each.shown.shown_sql(name)
    return name if shown == name else f"{shown} AS {name}"
