"""An example: an event as a features function sees it, with its label removed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from anabranch.errors import FieldAbsentError, LabelTouchedError
from anabranch.instant import parsed
from anabranch.stream import Stream


class Example(BaseModel):
    """What every example is besides an instance of its stream's model. Classes are made by `example_class`.

    Reading the label raises `LabelTouchedError`, and reading a field that a prediction request left out raises
    `FieldAbsentError`. Neither is an AttributeError: ``getattr(event, name, default)`` must not hide a leak.
    """

    def __getattr__(self, name: str) -> Any:
        if name == _SHAPE[type(self)].label:
            raise LabelTouchedError(name)
        if name in type(self).model_fields:
            raise FieldAbsentError(name)
        return super().__getattr__(name)  # type: ignore[misc]  # BaseModel has it at run time only

    @classmethod
    def of(cls, event: BaseModel) -> Self:
        """The example of an event of the log. It shares the event's values."""
        values = event.__dict__.copy()
        values.pop(_SHAPE[cls].label, None)  # type: ignore[arg-type]  # without a label None, which is no field
        example = cls.__new__(cls)
        object.__setattr__(example, "__dict__", values)
        object.__setattr__(example, "__pydantic_fields_set__", event.__pydantic_fields_set__)
        object.__setattr__(example, "__pydantic_extra__", event.__pydantic_extra__)
        object.__setattr__(example, "__pydantic_private__", event.__pydantic_private__)
        return example

    @classmethod
    def of_values(cls, values: dict[str, Any]) -> Self:
        """The example of an event as `Stream.decode` gives it, where the stream is plain: validation adds nothing."""
        shape = _SHAPE[cls]
        given = values if values.keys() <= shape.fields else {n: v for n, v in values.items() if n in shape.fields}
        found = {**shape.stream.lacking, **given}
        for name, convert in shape.converts:
            value = found.get(name)
            if value is not None:
                found[name] = convert(value)
        if shape.label is not None:
            found.pop(shape.label, None)
        example = cls.__new__(cls)
        object.__setattr__(example, "__dict__", found)
        object.__setattr__(example, "__pydantic_fields_set__", set(given))
        object.__setattr__(example, "__pydantic_extra__", None)
        object.__setattr__(example, "__pydantic_private__", None)
        return example

    @classmethod
    def read(cls, data: bytes) -> Self:
        """The example of a JSON object with the fields that are known; raises `pydantic.ValidationError`."""
        example = cls.model_validate_json(data)
        values, given = example.__dict__, example.__pydantic_fields_set__
        shape = _SHAPE[cls]
        for name in shape.required - given:
            del values[name]
        values.pop(shape.label, None)  # type: ignore[arg-type]  # as in `of`
        return example


@dataclass(frozen=True, slots=True)
class _Shape:
    """What is known of a class of examples.

    Attributes
    ----------
    label
        The name of the label; None: it is not a field of the event.
    fields
        The names of all fields.
    required
        Those that an event of the log always has.
    stream
        What they are examples of.
    converts
        What makes of plain JSON what the model holds, where that differs.
    """

    label: str | None
    fields: frozenset[str]
    required: frozenset[str]
    stream: Stream
    converts: tuple[tuple[str, Callable[[Any], Any]], ...]


_SHAPE: dict[type[BaseModel], _Shape] = {}
"""By class of example."""
_CONVERTS: dict[str, Callable[[Any], Any]] = {"number": float, "instant": parsed}


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
    fields = stream.fields
    _SHAPE[made] = _Shape(
        label,
        frozenset(fields),
        frozenset(required),
        stream,
        tuple((name, _CONVERTS[f.kind]) for name, f in fields.items() if f.kind in _CONVERTS and name != label),
    )
    return made


def _with_default(info: FieldInfo) -> FieldInfo:
    copied = FieldInfo.merge_field_infos(info, default=None)
    assert copied.default is not PydanticUndefined
    return copied
