"""``events_<stream>``: the archived events and the tail of the log, as one table of typed columns."""

from __future__ import annotations

from collections.abc import Sequence
from inspect import cleandoc

from anabranch import Stream
from anabranch.field import Field, Kind
from serving.sql.relations.relation import Relation, RelationColumn, names, rows_of
from serving.sql.relations.snapshot_contents import SnapshotContents
from serving.sql.relations.stored_value import stored_value

TYPE_BY_KIND: dict[Kind, str] = {
    "integer": "BIGINT",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
    "text": "VARCHAR",
    "instant": "TIMESTAMPTZ",
    "other": "JSON",
}
PLACE = (
    RelationColumn("_partition", "BIGINT", "The partition of the log that the event stands in"),
    RelationColumn("_offset", "BIGINT", "Its place there, counted from 0; unique in its partition"),
    RelationColumn("_time", "TIMESTAMPTZ", "When it happened: the stream's time field, else when it was appended"),
    RelationColumn("_appended", "TIMESTAMPTZ", "When it was appended to the log"),
)
DATA = RelationColumn("_data", "JSON", "The event as it is stored, with the fields that the schema does not name")
_ID = RelationColumn("_id", "VARCHAR", "Its id as text")


def relation(stream: Stream) -> Relation:
    """``events_<stream>``."""
    columns = [_column(stream, field) for field in stream.fields.values()]
    return Relation(
        f"events_{stream.name}",
        f"The events of stream {stream.name}, one a row. {_documentation(stream)}".strip(),
        [*columns, *PLACE, DATA],
        lambda contents: records(contents, stream.name, [*columns, *PLACE, DATA]),
    )


def records(contents: SnapshotContents, stream: str, columns: Sequence[RelationColumn]) -> str:
    """SQL of the records of a stream, archived or not."""
    archived = rows_of(contents.lake.get(stream, ()), columns, contents.untold)
    lake = f"SELECT * FROM ({archived}) WHERE _offset < {contents.archived}"
    if contents.retracted:
        lake += f" AND _offset NOT IN ({', '.join(map(str, contents.retracted))})"
    tail = rows_of(contents.tail.get(stream, ()), columns)
    within = f"_offset >= {contents.archived} AND _offset < {contents.end}"
    return f"SELECT {names(columns)} FROM ({lake} UNION ALL SELECT * FROM ({tail}) WHERE {within})"


def labels(contents: SnapshotContents, stream: Stream, fields: Sequence[str]) -> str:
    """SQL of some fields of the events of a stream, with ``_id``, ``_offset`` and ``_time``."""
    columns = [_column(stream, stream.fields[name]) for name in dict.fromkeys(fields)]
    return records(contents, stream.name, [*columns, _ID, PLACE[1], PLACE[2]])


def _column(stream: Stream, field: Field) -> RelationColumn:
    info = stream.model.model_fields[field.name]
    roles = [
        role
        for role, name in (("the id", stream.id), ("the key", stream.key), ("the event time", stream.time))
        if name == field.name
    ]
    comment = info.description or f"The field {field.name} of {stream.model.__name__}"
    comment += f" ({' and '.join(roles)} of the stream)" if roles else ""
    return RelationColumn(field.name, sql_type(field), comment, stored_value(stream, field))


def sql_type(field: Field) -> str:
    """The type of a field's column."""
    if field.kind == "other" and field.items not in (None, "other"):
        assert field.items is not None
        return f"{TYPE_BY_KIND[field.items]}[]"
    return TYPE_BY_KIND[field.kind]


def _documentation(stream: Stream) -> str:
    own = stream.model.__dict__.get("__doc__")
    return cleandoc(own).split("\n\n")[0].replace("\n", " ") if own else ""
