"""Reading stored events of one stream: as they were made when they came in, whatever the model says today."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from typing import Any

import orjson
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import SchemaSerializer, SchemaValidator

from anabranch.stored_schema import Default, StoredSchema


class StoredEvents:
    """The reader of a stream's stored events.

    Parameters
    ----------
    model
        The model of the stream.
    recorded
        What fields mean that stored events lack, as JSON text by place (see `Default.where`): the default that was
        in force when the field came to the stream. Of places that are not named the model's own default counts.

    Attributes
    ----------
    recorded
        As given.
    lacking
        By field of the event itself, what it means where an event lacks it, as JSON has it.
    """

    def __init__(self, model: type[BaseModel], recorded: Mapping[str, str] | None = None):
        self._model = model
        self.recorded = dict(recorded or {})
        own = default_texts(StoredSchema(model).defaults)
        texts = {**own, **(recorded or {})}
        # a constant that did not change is the user's own object, also where JSON would make another of it
        factories = {name for name, info in model.model_fields.items() if info.default_factory is not None}
        changed = {place: text for place, text in (recorded or {}).items() if own.get(place) != text}
        changed |= {place: text for place, text in (recorded or {}).items() if place in factories}
        self._schema = StoredSchema(model, changed)
        self.lacking: dict[str, Any] = {
            place: orjson.loads(text) for place, text in texts.items() if place in model.model_fields
        }

    @cached_property
    def _many(self) -> SchemaValidator:
        return self._schema.many()

    @cached_property
    def _one(self) -> SchemaValidator:
        return self._schema.one()

    @cached_property
    def serializer(self) -> SchemaSerializer:
        """Writes an event as JSON so that it reads the same, whatever serializers the user has declared."""
        return self._schema.serializer()

    def read(self, event: bytes) -> BaseModel:
        """One stored event; raises `pydantic.ValidationError` where it does not fit the types of the model."""
        found: BaseModel = self._one.validate_json(event)
        return found

    def read_all(self, events: bytes) -> list[BaseModel]:
        """The events of a JSON array.

        One that does not fit the types of the model is as JSON has it: at start every stored event was seen to fit,
        but a process that still has another model may have stored one since, and it must not stop all others.
        """
        try:
            found: list[BaseModel] = self._many.validate_json(events)
        except Exception:  # a type of the user's own may raise anything
            return [self._as_it_is(event) for event in orjson.loads(events)]
        return found

    def _as_it_is(self, event: Any) -> BaseModel:
        with suppress(Exception):  # as above
            return self.read(orjson.dumps(event))
        fields = self._model.model_fields
        given = event if isinstance(event, dict) else {}
        values = {name: given.get(input_name(name, info), self.lacking.get(name)) for name, info in fields.items()}
        made = self._model.__new__(self._model)
        object.__setattr__(made, "__dict__", values)
        object.__setattr__(made, "__pydantic_fields_set__", set(values))
        object.__setattr__(made, "__pydantic_extra__", None)
        object.__setattr__(made, "__pydantic_private__", None)
        return made


def default_texts(defaults: list[Default]) -> dict[str, str]:
    """By place, the JSON text of each default; without those that JSON does not hold, or that need other fields."""
    found = {place.where: default_text(place) for place in defaults}
    return {where: text for where, text in found.items() if text is not None}


def default_text(default: Default) -> str | None:
    """A default as JSON text, a factory called once; None: JSON does not hold it, or it needs other fields."""
    if default.make is None:
        return None
    try:
        value = default.make()
        text = default.serializer.to_json(value, warnings=False).decode()
        orjson.loads(text)
        default.validator.validate_json(text)
    except Exception:  # a factory of the user, or a type of the user's own, may raise anything
        return None
    return text


def input_name(name: str, info: FieldInfo) -> str:
    """The name of a field in the JSON of an event, sent or stored.

    >>> from pydantic import Field
    >>> input_name("number", Field(alias="no")), input_name("number", Field())
    ('no', 'number')
    """
    alias = info.validation_alias
    choices = getattr(alias, "choices", [alias])
    return next((choice for choice in choices if isinstance(choice, str)), name)
