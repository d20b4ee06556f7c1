"""An example: an event as a features function sees it, with its label removed."""

from __future__ import annotations

from typing import Any, Self

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from anabranch.errors import FieldAbsentError, LabelTouchedError
from anabranch.stream import Stream


class Example(BaseModel):
    """What every example is besides an instance of its stream's model. Classes are made by `example_class`.

    Reading the label raises `LabelTouchedError`, and reading a field that a prediction request left out raises
    `FieldAbsentError`. Neither is an AttributeError: ``getattr(event, name, default)`` must not hide a leak.
    """

    def __getattr__(self, name: str) -> Any:
        if name == _LABEL.get(type(self)):
            raise LabelTouchedError(name)
        if name in type(self).model_fields:
            raise FieldAbsentError(name)
        return super().__getattr__(name)  # type: ignore[misc]

    @classmethod
    def of(cls, event: BaseModel) -> Self:
        """The example of an event of the log. It shares the event's values."""
        values = event.__dict__.copy()
        values.pop(_LABEL[cls], None)  # type: ignore[arg-type]
        example = cls.__new__(cls)
        object.__setattr__(example, "__dict__", values)
        object.__setattr__(example, "__pydantic_fields_set__", event.__pydantic_fields_set__)
        object.__setattr__(example, "__pydantic_extra__", event.__pydantic_extra__)
        object.__setattr__(example, "__pydantic_private__", event.__pydantic_private__)
        return example

    @classmethod
    def read(cls, data: bytes) -> Self:
        """The example of a JSON object with the fields that are known; raises `pydantic.ValidationError`."""
        example = cls.model_validate_json(data)
        values, given = example.__dict__, example.__pydantic_fields_set__
        for name in _REQUIRED[cls] - given:
            del values[name]
        values.pop(_LABEL[cls], None)  # type: ignore[arg-type]
        return example


_LABEL: dict[type[BaseModel], str | None] = {}
"""The name of the label by class of example; None: the label is not a field of the event."""
_REQUIRED: dict[type[BaseModel], frozenset[str]] = {}
"""The fields that an event of the log always has, by class of example."""


def example_class(stream: Stream, label: str | None) -> type[Example]:
    """The class of a stream's examples.

    Parameters
    ----------
    label
        The field to remove; None: the label comes from another stream.
    """
    required = {name: info for name, info in stream.model.model_fields.items() if info.is_required()}
    optional = {name: _with_default(info) for name, info in required.items()}
    made = type(
        stream.model.__name__,
        (Example, stream.checked),
        {
            "__annotations__": {name: info.annotation for name, info in optional.items()},
            "__module__": stream.model.__module__,
            "__doc__": stream.model.__doc__,
            **optional,
        },
    )
    _LABEL[made] = label
    _REQUIRED[made] = frozenset(required)
    return made


def _with_default(info: FieldInfo) -> FieldInfo:
    copied = FieldInfo.merge_field_infos(info, default=None)
    assert copied.default is not PydanticUndefined
    return copied
