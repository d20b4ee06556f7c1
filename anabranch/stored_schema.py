"""The schema by which stored events are read: a model's own, without the functions of the user.

Validators and converters are applied once, when an event comes in; what they made of it is stored. To run them again
over what is stored could raise, or make something else of it. Types and bounds stay, and so do functions by which a
type of its own is made (``__get_pydantic_core_schema__``): without them there would be no value of that type.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from pydantic import BaseModel
from pydantic_core import SchemaSerializer, SchemaValidator

Schema = dict[str, Any]
"""A core schema of pydantic; see the reference of `pydantic_core.core_schema`."""


@dataclass(frozen=True, slots=True)
class UserFunction:
    """A validator or converter that the user wrote.

    Attributes
    ----------
    where
        What it belongs to: ``field``, ``Model`` or, in a model inside another, ``Model.field``; its own name, where it
        looks at a whole event that was made.
    mode
        before, after, wrap or plain.
    function
        It, as pydantic calls it.
    """

    where: str
    mode: str
    function: Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Default:
    """What a field means that an event lacks.

    Attributes
    ----------
    where
        ``field``, or ``Model.field`` in a model inside another.
    validator, serializer
        Read and write a value of the field as JSON.
    make
        Makes it once more; None: it depends on the other fields.
    """

    where: str
    validator: SchemaValidator
    serializer: SchemaSerializer
    make: Callable[[], Any] | None


class StoredSchema:
    """A model's schema without the functions of the user.

    Parameters
    ----------
    model
        The model.
    lacking
        By place (see `Default.where`), the JSON text of what a lacking field means, where that is not what the model
        says today.
    keep
        Which functions of the user stay, and what is called instead; None, or an answer of None: it goes.

    Attributes
    ----------
    functions
        The functions of the user that were found.
    defaults
        The defaults that were found.
    """

    def __init__(
        self,
        model: type[BaseModel],
        lacking: Mapping[str, str] | None = None,
        keep: Callable[[UserFunction], Callable[..., Any] | None] | None = None,
    ):
        self.functions: list[UserFunction] = []
        self.defaults: list[Default] = []
        self._root = model
        self._lacking = lacking or {}
        self._keep = keep
        whole: Any = model.__pydantic_core_schema__
        self._definitions = [self._bare(found, "") for found in whole.get("definitions", ())]
        self._event = self._bare(whole["schema"] if whole["type"] == "definitions" else whole, "")

    def many(self) -> SchemaValidator:
        """A validator of arrays of events."""
        return self._validator({"type": "list", "items_schema": self._event})

    def one(self) -> SchemaValidator:
        """A validator of a single event."""
        return self._validator(self._event)

    def serializer(self) -> SchemaSerializer:
        """Writes a model with its own values, whatever serializers the user has declared."""
        return SchemaSerializer(self._whole(self._event), _use_prebuilt=False)

    def _validator(self, schema: Schema) -> SchemaValidator:
        return SchemaValidator(self._whole(schema), _use_prebuilt=False)  # prebuilt ones have the user's functions

    def _whole(self, schema: Schema) -> Any:
        if not self._definitions:
            return schema
        return {"type": "definitions", "schema": schema, "definitions": self._definitions}

    # one node of the schema after the other

    def _bare(self, schema: Schema, where: str) -> Schema:
        kind = schema["type"]
        if kind in _FUNCTIONS:
            function = schema["function"]["function"]
            if _is_of_the_user(function):
                return self._without(schema, UserFunction(where or _name(function), kind[9:], function), where)
        elif kind == "model":
            return self._model(schema)
        bare = {word: self._part(word, part, where) for word, part in schema.items()}
        if "serialization" in bare and _serializer_of_the_user(bare["serialization"]):
            del bare["serialization"]
        return bare

    def _part(self, word: str, part: Any, where: str) -> Any:
        if word not in _INSIDE:
            return part
        if isinstance(part, Mapping):
            return self._bare(dict(part), where) if isinstance(part.get("type"), str) else {
                name: self._choice(choice, where) for name, choice in part.items()
            }  # fmt: skip
        return [self._choice(choice, where) for choice in part] if isinstance(part, list) else part

    def _choice(self, choice: Any, where: str) -> Any:
        """One of several schemas, which may come with a label."""
        if isinstance(choice, tuple):
            return (self._choice(choice[0], where), *choice[1:])
        return self._bare(choice, where) if isinstance(choice, dict) and "type" in choice else choice

    def _without(self, schema: Schema, found: UserFunction, where: str) -> Schema:
        self.functions.append(found)
        instead = self._keep(found) if self._keep is not None else None
        if instead is not None:
            kept = {word: self._part(word, part, where) for word, part in schema.items() if word != "serialization"}
            return {**kept, "function": {**schema["function"], "function": instead}}
        if "schema" in schema:
            inner = schema["schema"]
        else:  # a plain validator: the type that it stands for is only left where it is written
            inner = schema.get("serialization", {}).get("schema", {"type": "any"})
        bare = self._bare(inner, where)
        return {**bare, "ref": schema["ref"]} if "ref" in schema and "ref" not in bare else bare

    def _model(self, schema: Schema) -> Schema:
        cls = schema["cls"]
        prefix = "" if issubclass(self._root, cls) else f"{cls.__name__}."
        bare = {**schema, "schema": self._fields(schema["schema"], prefix, cls)}
        serialization = bare.get("serialization")
        if serialization is not None and _serializer_of_the_user(serialization):
            del bare["serialization"]
        bare["custom_init"] = False
        if bare.pop("post_init", None) is None:
            return bare
        ref = {"ref": bare.pop("ref")} if "ref" in bare else {}
        prepared = {"type": "no-info", "function": _with_private_attributes}
        return {"type": "function-after", "function": prepared, "schema": bare, **ref}

    def _fields(self, schema: Schema, prefix: str, cls: type[BaseModel]) -> Schema:
        """The fields of a model, below functions that look at all of them."""
        if schema["type"] in _FUNCTIONS and _is_of_the_user(schema["function"]["function"]):
            found = UserFunction(cls.__name__, schema["type"][9:], schema["function"]["function"])
            self.functions.append(found)
            inner = self._fields(schema["schema"], prefix, cls)
            instead = self._keep(found) if self._keep is not None else None
            if instead is None:
                return inner
            return {**schema, "schema": inner, "function": {**schema["function"], "function": instead}}
        if schema["type"] != "model-fields":  # a root model
            return self._bare(schema, prefix.rstrip("."))
        fields = {name: self._field(name, field, prefix) for name, field in schema["fields"].items()}
        bare = {word: self._part(word, part, prefix.rstrip(".")) for word, part in schema.items() if word != "fields"}
        return {**bare, "fields": fields, "computed_fields": []}

    def _field(self, name: str, field: Schema, prefix: str) -> Schema:
        where = prefix + name
        bare = {word: part for word, part in field.items() if not word.startswith("serialization_")}
        alias = bare.get("validation_alias")
        if alias is not None:  # first the name by which the converted value is stored, then those by which it came
            paths = [[alias]] if isinstance(alias, str) else alias if isinstance(alias[0], list) else [alias]
            bare["validation_alias"] = [[name if prefix else _stored_name(name, paths)], *paths]
        bare["schema"] = self._bare(field["schema"], where)
        if bare["schema"]["type"] == "default":
            bare["schema"] = self._default(bare["schema"], where)
        return bare

    def _default(self, schema: Schema, where: str) -> Schema:
        inner = schema["schema"]
        default = Default(
            where,
            self._later(SchemaValidator, inner),
            self._later(SchemaSerializer, inner),
            None if schema.get("default_factory_takes_data") else _maker(schema),
        )
        self.defaults.append(default)
        if where not in self._lacking:
            return schema
        text = self._lacking[where]
        bare = {word: part for word, part in schema.items() if not word.startswith("default")}
        return {**bare, "default_factory": lambda: default.validator.validate_json(text), "validate_default": False}

    def _later(self, make: Callable[..., Any], schema: Schema) -> Any:
        """A validator or serializer that is made when it is asked: not all definitions are there yet."""
        return _Later(lambda: make(self._whole(schema), _use_prebuilt=False))


class _Later:
    """Something that is made when it is first asked for."""

    def __init__(self, make: Callable[[], Any]):
        self._make = make
        self._made: Any = None

    def __getattr__(self, name: str) -> Any:
        if self._made is None:
            self._made = self._make()
        return getattr(self._made, name)


_FUNCTIONS = frozenset({"function-before", "function-after", "function-wrap", "function-plain"})
_INSIDE = frozenset(
    ["schema", "items_schema", "keys_schema", "values_schema", "fields", "choices", "steps", "json_schema",
     "python_schema", "lax_schema", "strict_schema", "extras_schema", "extras_keys_schema", "arguments_schema"]
)  # fmt: skip
"""The words of a core schema behind which there are others."""


def _maker(schema: Schema) -> Callable[[], Any]:
    factory: Callable[[], Any] | None = schema.get("default_factory")
    return factory if factory is not None else lambda: schema["default"]


def _stored_name(name: str, paths: Sequence[Any]) -> str:
    """By what name an event holds a field that goes by these paths: see `anabranch.stored_events.input_name`."""
    return next((path[0] for path in paths if len(path) == 1 and isinstance(path[0], str)), name)


def _name(function: Any) -> str:
    return str(getattr(function, "__qualname__", function))


def _serializer_of_the_user(serialization: Any) -> bool:
    return "function" in serialization and _is_of_the_user(serialization["function"])


def _is_of_the_user(function: Any) -> bool:
    """Whether a function is neither pydantic's nor what makes a type what it is."""
    while isinstance(function, partial):
        function = function.func
    if isinstance(function, type) or (getattr(function, "__module__", None) or "").startswith("pydantic"):
        return False
    if "__get_pydantic_core_schema__." in getattr(function, "__qualname__", ""):
        return False
    owner = getattr(function, "__self__", None)
    bases = owner.__mro__ if isinstance(owner, type) else type(owner).__mro__
    return not any("__get_pydantic_core_schema__" in vars(base) for base in bases if base is not BaseModel)


def _with_private_attributes(model: BaseModel) -> BaseModel:
    """A model whose private attributes are set, its fields being as they were stored."""
    values = dict(model.__dict__)
    with suppress(Exception):  # it may raise anything on what it has changed before; what is stored is no less true
        model.model_post_init(None)
    model.__dict__.clear()
    model.__dict__.update(values)
    return model
