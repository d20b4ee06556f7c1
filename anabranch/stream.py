"""A stream: a named family of events with one schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict

from anabranch.errors import DefinitionError
from anabranch.field import Field
from anabranch.names import check_fields
from anabranch.stored_events import StoredEvents

_HARMLESS_CONFIG = {"title", "extra", "frozen", "json_schema_extra", "protected_namespaces", "allow_inf_nan"}
SYSTEM = "_anabranch"
"""The stream that holds what the system decides: batch markers and the like. Users cannot post to it."""


@dataclass(frozen=True, eq=False)
class Stream:
    """A named family of events with one schema. Made by `App.stream`.

    Attributes
    ----------
    name
        The name in paths, SQL and the lake.
    model
        The pydantic model as the user wrote it.
    id, key, time
        Names of the fields that identify an event, group it, and say when it happened. No `id`: nothing is
        deduplicated. No `time`: the append time counts.
    """

    name: str
    model: type[BaseModel]
    id: str | None = None
    key: str | None = None
    time: str | None = None
    location: str | None = None
    fields: dict[str, Field] = field(init=False)
    plain: bool = field(init=False)
    """Whether strictly valid JSON holds exactly what the model would hold, so that reading needs no validation."""
    checked: type[BaseModel] = field(init=False)
    """The user's model, refusing NaN and infinity."""
    stored: StoredEvents = field(init=False)
    """Reads what is stored, without the user's validators."""

    def __post_init__(self) -> None:
        fields = {name: Field.of(name, info) for name, info in self.model.model_fields.items()}
        object.__setattr__(self, "fields", fields)
        self._check()
        checked = type(
            self.model.__name__,
            (self.model,),
            {
                "model_config": ConfigDict(allow_inf_nan=False),
                "__module__": self.model.__module__,
                "__doc__": self.model.__doc__,
            },
        )
        object.__setattr__(self, "checked", checked)
        object.__setattr__(self, "plain", all(f.plain for f in fields.values()) and not _customised(self.model))
        object.__setattr__(self, "stored", StoredEvents(checked))

    @property
    def takes_plain_values(self) -> bool:
        """Whether an event can be made of its stored values without validation; lists of other things are not plain."""
        return self.plain and self.model.model_config.get("extra") != "allow"

    def _check(self) -> None:
        where = f"stream {self.name!r}"
        for role, name in (("id", self.id), ("key", self.key), ("time", self.time)):
            if name is not None and name not in self.fields:
                known = ", ".join(self.fields)
                raise DefinitionError(
                    where,
                    f"{role}={name!r} is not a field of {self.model.__name__}",
                    f"Take one of: {known}",
                    self.location,
                )
            if name is not None and role == "time" and self.fields[name].kind != "instant":
                raise DefinitionError(
                    where,
                    f"time={name!r} is not a datetime",
                    f"Declare {name}: datetime, or leave time= out",
                    self.location,
                )
            if name is not None and role != "time" and self.fields[name].kind in ("other", "number"):
                raise DefinitionError(
                    where,
                    f"{role}={name!r} cannot identify anything",
                    "Take a field of type str, int, bool or UUID",
                    self.location,
                )
        check_fields(where, self.fields, self.location)
        for name, declared in self.fields.items():
            if not declared.has_plain_default:
                raise DefinitionError(
                    where,
                    f"the default {declared.default!r} of field {name!r} is not a value of its type",
                    "Write one that an event could hold (finite, in 64 bits, with a time zone)",
                    self.location,
                )

    def recall(self, recorded: Mapping[str, str]) -> None:
        """Be told what fields mean that stored events lack: see `StoredEvents`.

        Called before the first event is read, with what the database of the log remembers: a default that changed
        since must not change what is stored. Until then the model's own defaults count.
        """
        if recorded != self.stored.recorded:
            object.__setattr__(self, "stored", StoredEvents(self.checked, recorded))

    @property
    def lacking(self) -> Mapping[str, Any]:
        """By field, what it means where a stored event lacks it, as JSON has it."""
        return self.stored.lacking

    def decode(self, data: bytes) -> list[dict[str, Any]]:
        """The events of a JSON array as stored by the log, each as its fields by name.

        A field that the event lacks may be missing: see `lacking`.
        """
        if self.plain:
            decoded: list[dict[str, Any]] = orjson.loads(data)
            return decoded
        return [vars(event) for event in self.validate(data)]

    def validate(self, data: bytes) -> list[BaseModel]:
        """The events of a JSON array as stored by the log, as instances of the user's model.

        The user's validators and converters are not asked: they were, when the events came in.
        """
        return self.stored.read_all(data)


def _customised(model: type[BaseModel]) -> bool:
    """Whether the model changes what it is given by more than its fields' types."""
    decorators = model.__pydantic_decorators__
    return (
        bool(
            decorators.validators
            or decorators.field_validators
            or decorators.root_validators
            or decorators.model_validators
            or decorators.field_serializers
            or decorators.model_serializers
        )
        or not set(model.model_config) <= _HARMLESS_CONFIG
        or model.__pydantic_post_init__ is not None
    )
