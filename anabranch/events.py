"""Consecutive records of one stream, decoded when somebody looks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

from pydantic import BaseModel

from anabranch.stream import Stream

Order = tuple[int, int, int]
"""(event time in µs, partition, offset): a total order over all records of a stream."""


class Events:
    """Events `offset` .. `offset + len(times)` of a partition, all of one stream.

    Parameters
    ----------
    stream
        What they are events of.
    partition, offset
        Where the first of them stands in the log.
    times
        The event time of each, in microseconds.
    data
        A JSON array with one object per event.
    """

    def __init__(self, stream: Stream, partition: int, offset: int, times: Sequence[int], data: bytes):
        self.stream = stream
        self.partition = partition
        self.offset = offset
        self.times = times
        self.data = data

    def __len__(self) -> int:
        return len(self.times)

    @cached_property
    def values(self) -> list[dict[str, Any]]:
        """Each event's fields by name."""
        return self.stream.decode(self.data)

    @cached_property
    def models(self) -> list[BaseModel]:
        """Each event as an instance of the stream's model: what functions of the user receive."""
        return self.stream.validate(self.data)

    @cached_property
    def orders(self) -> list[Order]:
        """The place of each event in the total order."""
        return [(time, self.partition, self.offset + index) for index, time in enumerate(self.times)]

    def pieces(self, most: int) -> Iterator[Events]:
        """The same events in runs of at most `most`. What was decoded stays decoded."""
        if len(self) <= most:
            yield self
            return
        for start in range(0, len(self), most):
            yield _Piece(self, start, min(start + most, len(self)))

    def column(self, name: str) -> list[Any]:
        """One field of every event as plain data (see `Field.convert`); None where it has no value."""
        field = self.stream.fields[name]
        default, convert = self.stream.lacking.get(name), field.convert
        raw = [values.get(name, default) for values in self.values]
        if not self.stream.plain:  # a validator of the user may have made anything of it
            return [field.plain_value(value) for value in raw]
        try:
            return raw if convert is None else [None if value is None else convert(value) for value in raw]
        except (ValueError, TypeError, AttributeError):  # one that a process with another model stored
            return [field.plain_value(value) for value in raw]


class _Piece(Events):
    """Some consecutive events of a run, decoded together with the others."""

    def __init__(self, whole: Events, start: int, stop: int):
        super().__init__(whole.stream, whole.partition, whole.offset + start, whole.times[start:stop], b"")
        self._whole = whole
        self._part = slice(start, stop)

    @cached_property
    def values(self) -> list[dict[str, Any]]:
        return self._whole.values[self._part]

    @cached_property
    def models(self) -> list[BaseModel]:
        return self._whole.models[self._part]

    @cached_property
    def orders(self) -> list[Order]:
        return self._whole.orders[self._part]
