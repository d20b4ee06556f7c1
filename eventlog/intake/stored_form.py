"""The form in which an event is stored that cannot be stored as it was sent."""

from __future__ import annotations

from typing import Any

import orjson
from pydantic import AliasChoices, BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticSerializationError

from anabranch import Stream


class StoredForm:
    """Finds for events of one stream the JSON that validates to the same model again.

    Defaults that a factory makes are written out: they would differ the next time. Fixed ones are not, so that a
    later change of a default means the same for every stored event. What the client sent beyond the model is kept.
    """

    def __init__(self, stream: Stream):
        fields = stream.model.model_fields
        self._plain = stream.plain
        self._validate = stream.checked.__pydantic_validator__.validate_json
        self._fixed = {name for name, info in fields.items() if not info.is_required() and info.default_factory is None}
        self._input_name_by_field = {name: input_name(name, info) for name, info in fields.items()}

    def form(self, event: bytes, model: BaseModel) -> bytes:
        """What to store for an event that validates to `model`.

        Raises
        ------
        orjson.JSONDecodeError
            If the event holds what pydantic reads but JSON does not know: NaN or infinity.
        """
        sent = orjson.loads(event)
        converted = self._converted(sent, model)
        if self._plain:
            return converted
        for form in (converted, event):  # as sent: validators that do something else the second time
            if self._reads_as(form, model):
                return form
        return event

    def _converted(self, sent: dict[str, Any], model: BaseModel) -> bytes:
        unset = self._fixed - model.model_fields_set
        try:
            values = orjson.loads(model.model_dump_json(exclude=unset, warnings=False))
        except (PydanticSerializationError, orjson.JSONDecodeError):
            return orjson.dumps(sent)
        names = self._input_name_by_field
        return orjson.dumps({**sent, **{names.get(name, name): value for name, value in values.items()}})

    def _reads_as(self, form: bytes, model: BaseModel) -> bool:
        try:
            return bool(vars(self._validate(form)) == vars(model))
        except ValidationError:
            return False


def input_name(name: str, info: FieldInfo) -> str:
    """The name of a field in JSON that is validated."""
    alias = info.validation_alias
    if isinstance(alias, AliasChoices):
        alias = next((choice for choice in alias.choices if isinstance(choice, str)), None)
    return alias if isinstance(alias, str) else name
