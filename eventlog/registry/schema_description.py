"""What is remembered of a stream's schema, and what of a change must be looked for in the stored events.

The description of a stream is plain data: its roles, of every field its JSON schema, its kind (which is the type of its
columns) and whether it is required, and a digest of every validator. Defaults are not part of it: they are applied
when an event comes in. What stored events lack is remembered beside it, see `lacking`.
"""

from __future__ import annotations

from typing import Any

import orjson
from pydantic.errors import PydanticInvalidForJsonSchema

from anabranch import Stream
from anabranch.field import Field
from anabranch.fingerprint import described, digest
from anabranch.stored_events import default_texts
from anabranch.stored_schema import StoredSchema, UserFunction

Description = dict[str, Any]
_NO_MEANING = {"title", "description", "default", "examples"}
"""Parts of a JSON schema that say nothing about which values are valid."""


def describe(stream: Stream) -> Description:
    """The description of a stream as the application defines it now."""
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
        "extra": schema.get("additionalProperties"),
        "kinds": {name: _kind(field) for name, field in stream.fields.items()},
        "functions": {_name(found): _digest(found) for found in StoredSchema(stream.checked).functions},
    }


def lacking(stream: Stream) -> dict[str, str]:
    """By place (see `StoredEvents`), the default of today as JSON text: what a field means that stored events lack."""
    return default_texts(StoredSchema(stream.checked).defaults)


def with_history(now: Description, was: Description) -> Description:
    """A description that also knows the kinds of fields that the stream had once: the lake still has their columns."""
    return {**now, "kinds": {**was.get("kinds", {}), **now["kinds"]}}


def changed_roles(was: Description, now: Description) -> str | None:
    """How the id, key or time of a stream changed; records keep those that they were stored with. None: not."""
    for role in ("id", "key", "time"):
        if was[role] != now[role]:
            return f"{role}= was {_shown(was[role])}, is {_shown(now[role])}"
    return None


def changed_kind(was: Description, now: Description) -> str | None:
    """Which field's column would have another type, and how; None: none."""
    for name, kind in now["kinds"].items():
        if "kinds" in was:
            if was["kinds"].get(name, kind) != kind:
                return f"field {name!r} was {was['kinds'][name]}, is {kind}, and its column keeps its type"
        elif name in was["fields"] and _types(was["fields"][name]) != _types(now["fields"].get(name)):
            before, after = _text(was["fields"][name]), _text(now["fields"].get(name))
            return f"field {name!r} was {before}, is {after}, and its column keeps its type"
    return None


def removed_fields(was: Description, now: Description) -> list[str]:
    """The fields, by the names that events have them by, that are no longer in the schema."""
    return [name for name in was["fields"] if name not in now["fields"]]


def new_functions(was: Description, stream: Stream) -> list[UserFunction]:
    """The validators of a stream that are new or are others than before."""
    if "functions" not in was:  # an earlier release remembered none: which are new cannot be told
        return []
    known = was["functions"]
    return [found for found in StoredSchema(stream.checked).functions if known.get(_name(found)) != _digest(found)]


def _kind(field: Field) -> str:
    return field.kind if field.items is None else f"list of {field.items}"


def _name(found: UserFunction) -> str:
    return f"{found.where} {found.mode} {getattr(found.function, '__qualname__', '')}"


def _digest(found: UserFunction) -> str:
    function = getattr(found.function, "__func__", found.function)
    return digest(described(function))


def _types(schema: Any) -> frozenset[tuple[str, str]]:
    """The JSON types of a field, without null; datetimes apart."""
    if not isinstance(schema, dict):
        return frozenset()
    if "anyOf" in schema:
        return frozenset().union(*map(_types, schema["anyOf"]))
    if schema.get("type") in (None, "null"):
        return frozenset()
    return frozenset({(str(schema["type"]), str(schema.get("format") == "date-time"))})


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


def _shown(role: str | None) -> str:
    return "absent" if role is None else role
