"""What a field is in an event as it is stored, as SQL: where no typed column of the lake tells it.

It is what `eventlog.lake.columns` would have written into the column;
`tests/serving/sql/relations/test_stored_value.py` holds the two together.
"""

from __future__ import annotations

import orjson

from anabranch import Stream
from anabranch.field import Field, Kind
from anabranch.stored_events import input_name
from batch.duckdb_session import literal

_SECONDS_BELOW = 20_000_000_000
"""A number that stands for an instant counts seconds up to here, and milliseconds beyond: pydantic's rule."""


def stored_value(stream: Stream, field: Field, event: str = "_data") -> str:
    """SQL of a field in the JSON text of an event; what the event lacks is what it meant when the field came."""
    path = json_path(input_name(field.name, stream.model.model_fields[field.name]))
    lacking = literal(orjson.dumps(stream.lacking.get(field.name)).decode())
    value = f"(CASE WHEN json_exists({event}, {path}) THEN {event} -> {path} ELSE {lacking}::JSON END)"
    if field.kind != "other":
        return _scalar(field.kind, f"({value} ->> '$')")
    if field.items in (None, "other"):
        return f"CASE WHEN {value} ->> '$' IS NOT NULL THEN {value} END"
    texts = f"CASE WHEN json_type({value}) = 'ARRAY' THEN TRY_CAST({value} AS VARCHAR[]) END"
    assert field.items is not None
    return f"[{_scalar(field.items, 'item')} FOR item IN {texts}]"


def json_path(name: str) -> str:
    """The path of a member of a JSON object, as a text of SQL."""
    return literal('$."' + name.replace('"', '\\"') + '"')


def _scalar(kind: Kind, text: str) -> str:
    """SQL of a plain value from its text in JSON; NULL where it is none."""
    match kind:
        case "integer":
            return f"TRY_CAST({text} AS BIGINT)"
        case "number":  # a decimal beyond the range of floats is no value to an aggregate, and never infinite
            return f"CASE WHEN isfinite(TRY_CAST({text} AS DOUBLE)) THEN TRY_CAST({text} AS DOUBLE) END"
        case "boolean":
            return f"TRY_CAST({text} AS BOOLEAN)"
        case "instant":
            return _instant(text)
    return text


def _instant(text: str) -> str:
    """Instants come in more forms than DuckDB reads: everything that `anabranch.instant.parsed` takes."""
    number = f"TRY_CAST({text} AS DOUBLE)"
    unit = f"CASE WHEN abs({number}) > {_SECONDS_BELOW} THEN 1e3 ELSE 1e6 END"
    iso = f"translate(upper({text}), ',_−', '. -')"
    return (
        f"CASE WHEN {number} IS NOT NULL THEN make_timestamptz(CAST(round({number} * {unit}) AS BIGINT))"
        f" ELSE TRY_CAST({iso} AS TIMESTAMPTZ) END"
    )
