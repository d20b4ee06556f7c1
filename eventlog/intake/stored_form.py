"""The form in which an event is stored: with all defaults, and with what validators and converters made of it.

What an event means is settled when it comes in. A default or a validator that changes later changes nothing of it.
"""

from __future__ import annotations

from typing import Any

import orjson
from pydantic import BaseModel
from pydantic_core import PydanticSerializationError

from anabranch import Stream
from anabranch.stored_events import input_name


class StoredForm:
    """Makes the JSON of events of one stream that reads as what they mean, without validators. See `StoredEvents`.

    What a client sent beyond the model is kept. Defaults are those of the model as it is now, factories called once.
    """

    def __init__(self, stream: Stream):
        self._stored = stream.stored
        self._plain = stream.plain
        fields = stream.model.model_fields
        self._input_name_by_field = {name: input_name(name, info) for name, info in fields.items()}
        own = type(stream.stored)(stream.checked).lacking  # the defaults of today, not those that were recorded
        self._defaults = {name: own[name] for name, info in fields.items() if not info.is_required() and name in own}
        self._filled: dict[tuple[str, ...], bytes] = {}  # by what is absent: few kinds come

    def complete(self, events: list[bytes], values: list[dict[str, Any]]) -> list[bytes]:
        """Strictly valid events of a plain stream, with these values, and the defaults of what each leaves out."""
        if not self._defaults:
            return events
        return [self._completed(event, value) for event, value in zip(events, values, strict=True)]

    def _completed(self, event: bytes, value: dict[str, Any]) -> bytes:
        absent = tuple([name for name in self._defaults if name not in value])
        if not absent:
            return event
        text = self._filled.get(absent)
        if text is None:
            text = orjson.dumps({name: self._defaults[name] for name in absent})[1:]
            self._filled[absent] = text
        # what was sent stays as it was written, to the last digit
        return event.rstrip()[:-1] + b"," + text if value else b"{" + text

    def form(self, event: bytes, model: BaseModel) -> bytes:
        """What to store for an event that validates to `model`.

        Raises
        ------
        orjson.JSONDecodeError
            If the event holds what pydantic reads but JSON does not know: NaN or infinity.
        """
        sent = orjson.loads(event)
        try:
            values = orjson.loads(self._stored.serializer.to_json(model, warnings=False))
        except (PydanticSerializationError, orjson.JSONDecodeError):  # of a type that JSON does not hold
            return orjson.dumps(sent)
        names = self._input_name_by_field
        settled = {names.get(name, name): value for name, value in values.items()}
        stored = orjson.dumps({**sent, **settled})
        if self._plain:
            return stored
        whole = orjson.dumps(_with_what_was_sent(settled, sent))
        as_sent = orjson.dumps({**settled, **sent})  # what JSON hides of a value, like that of a secret, was sent
        return next((form for form in (whole, stored, as_sent) if self._reads_as(form, model)), stored)

    def _reads_as(self, form: bytes, model: BaseModel) -> bool:
        try:
            return bool(vars(self._stored.read(form)) == vars(model))
        except Exception:  # a type of the user's own may raise anything, when it is made or compared
            return False


def _with_what_was_sent(settled: Any, sent: Any) -> Any:
    """A value as it was settled, with what was sent beyond it, also inside."""
    if isinstance(settled, dict) and isinstance(sent, dict):
        return {**sent, **{name: _with_what_was_sent(value, sent.get(name)) for name, value in settled.items()}}
    if isinstance(settled, list) and isinstance(sent, list) and len(settled) == len(sent):
        return [_with_what_was_sent(*pair) for pair in zip(settled, sent, strict=True)]
    return settled
