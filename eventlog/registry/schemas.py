"""The schemas of streams, remembered so that a change which stored events do not survive is refused at start-up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import orjson
from pydantic.errors import PydanticInvalidForJsonSchema
from sqlalchemy import insert, select, update

from anabranch import App, Stream
from eventlog.clock import Clock, now_us
from eventlog.errors import SchemaChangedError
from eventlog.registry.database import Database
from eventlog.registry.tables import schemas

_NO_MEANING = {"title", "description", "default", "examples"}
"""Parts of a JSON schema that say nothing about which values are valid."""


class Schemas:
    """The schemas of a database, by stream."""

    def __init__(self, database: Database, clock: Clock = now_us):
        self.database = database
        self.clock = clock

    def register(self, app: App) -> None:
        """Remember the schemas of an application.

        A new stream, a new optional field and a new default are fine.

        Raises
        ------
        SchemaChangedError
            At the first other change; then nothing is stored.
        """
        with self.database.write() as connection:
            stored = {row.stream: row.schema for row in connection.execute(select(schemas))}
            for stream in app.streams.values():
                schema = describe(stream)
                text = orjson.dumps(schema, option=orjson.OPT_SORT_KEYS).decode()
                if stream.name not in stored:
                    row = {"stream": stream.name, "schema": text, "registered": self.clock()}
                    connection.execute(insert(schemas).values(row))
                elif stored[stream.name] != text:
                    for change in changes(orjson.loads(stored[stream.name]), schema):
                        raise SchemaChangedError(stream.name, *change)
                    row = {"schema": text, "registered": self.clock()}
                    connection.execute(update(schemas).where(schemas.c.stream == stream.name).values(row))


def describe(stream: Stream) -> dict[str, Any]:
    """What is remembered of a stream: its roles, and of each field its JSON schema and whether it is required."""
    try:
        schema = stream.model.model_json_schema()
    except PydanticInvalidForJsonSchema:  # a type of the user's own without a schema: its name has to do
        fields = stream.model.model_fields
        schema = {
            "properties": {name: {"type": str(info.annotation)} for name, info in fields.items()},
            "required": [name for name, info in fields.items() if info.is_required()],
        }
    definitions = schema.get("$defs", {})
    return {
        "id": stream.id,
        "key": stream.key,
        "time": stream.time,
        "fields": {name: _meaning(field, definitions) for name, field in schema.get("properties", {}).items()},
        "required": sorted(schema.get("required", [])),
    }


class Change(NamedTuple):
    """A change that stored events do not survive."""

    what: str
    was: object
    now: object
    remedy: str


def changes(was: dict[str, Any], now: dict[str, Any]) -> Iterator[Change]:
    """The changes between two descriptions that are not compatible."""
    for role in ("id", "key", "time"):
        if was[role] != now[role]:
            yield Change(f"{role}=", was[role], now[role], "Set it back, or give the changed stream a new name")
    for name, field in was["fields"].items():
        if name not in now["fields"]:
            yield Change(f"field {name!r}", _text(field), None, "Put it back; stored events have it")
        elif now["fields"][name] != field:
            remedy = "Set it back, or add a new optional field beside it"
            yield Change(f"field {name!r}", _text(field), _text(now["fields"][name]), remedy)
    for name in now["required"]:
        if name not in was["fields"]:
            found = f"required {_text(now['fields'][name])}"
            yield Change(f"field {name!r}", None, found, "Give it a default; stored events lack it")
        elif name not in was["required"]:
            yield Change(f"field {name!r}", "optional", "required", "Give it a default; stored events may lack it")


def _meaning(schema: Any, definitions: dict[str, Any], seen: tuple[str, ...] = ()) -> Any:
    """A JSON schema with its references resolved and without what says nothing about values."""
    if isinstance(schema, list):
        return [_meaning(item, definitions, seen) for item in schema]
    if not isinstance(schema, dict):
        return schema
    reference = schema.get("$ref", "").removeprefix("#/$defs/")
    if reference in definitions and reference not in seen:  # a type that holds itself is resolved once
        return _meaning(definitions[reference], definitions, (*seen, reference))
    return {
        word: {name: _meaning(field, definitions, seen) for name, field in part.items()}
        if word == "properties"
        else _meaning(part, definitions, seen)
        for word, part in schema.items()
        if word not in _NO_MEANING
    }


def _text(schema: Any) -> str:
    """``integer``, ``string (date-time) or null`` or whatever says it shortest."""
    if isinstance(schema, dict) and set(schema) == {"anyOf"}:
        return " or ".join(map(_text, schema["anyOf"]))
    if isinstance(schema, dict) and isinstance(schema.get("type"), str) and set(schema) <= {"type", "format"}:
        return f"{schema['type']} ({schema['format']})" if "format" in schema else f"{schema['type']}"
    return orjson.dumps(schema).decode()
