"""Arrow IPC streams: each row is an event. Loads pyarrow, so it is imported when the first one comes.

pyarrow trusts what it reads: offsets are used as they stand, so that a wrong one shows memory of this process or ends
it. Nothing therefore looks at a value before the stream was found small enough (`_check_declared`), its types are
among those that are taken, and its batch was validated in full.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import orjson
import pyarrow as pa

from anabranch import Stream
from eventlog.errors import MalformedBodyError, TooManyEventsError, TooMuchUnpackedError
from eventlog.intake import arrow_columns
from eventlog.intake.arrow_metadata import BATCH, DICTIONARY, SCHEMA, Declared, declared
from eventlog.intake.body_limits import BodyLimits
from eventlog.intake.parsed_events import ParsedEvents, too_large

_SCHEMA_BYTES = 2**20
"""The largest schema. Every column of it costs some hundred bytes, whatever the batches hold."""
_JSON_FOLD = 4
"""How many times as large as the largest body the rows may be as JSON, which names every field in every row."""
_DICTIONARY_FOLD = 32
"""Every batch has its dictionaries validated anew: all that work together is bounded to so many largest bodies."""
_PIECE_ROWS, _PIECE_BYTES = 1_024, 2**20
"""How much is turned into Python's objects at once, which take many times as much."""


def rows(body: bytes, stream: Stream, limits: BodyLimits, take: Callable[[int], object]) -> ParsedEvents:
    """The rows of an Arrow IPC stream as events.

    A null stands for a field that is left out, where the stream has a default for it.

    Parameters
    ----------
    take
        Is told how much memory what is unpacked will take, before it does.

    Raises
    ------
    MalformedBodyError
        If it is no such stream, a column is of a type that no event has, or of timestamps without a time zone.
    TooManyEventsError, TooMuchUnpackedError
        If there are more rows than may be, or they take more memory than they may.
    """
    try:
        take(max(0, _check_declared(body, limits) - len(body)))
        with pa.ipc.open_stream(body) as reader:
            arrow_columns.check_schema(reader.schema)
            events = _Rows(stream, limits, take)
            for batch in reader:
                batch.validate(full=True)
                events.add(batch)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise MalformedBodyError(f"not an Arrow IPC stream: {error}") from None
    return events.parsed


def _check_declared(body: bytes, limits: BodyLimits) -> int:
    """How many bytes the buffers of all messages have without compression; raises if anything is too much."""
    row_count = value_count = unpacked_bytes = dictionary_bytes = batches = 0
    for message in _messages(body):
        if message.kind == BATCH:
            batches += 1
            row_count += message.rows
            if row_count > limits.max_events:
                raise TooManyEventsError(limits.max_events)
        elif message.kind == DICTIONARY:
            dictionary_bytes += message.unpacked_bytes
        value_count += message.values
        unpacked_bytes += message.unpacked_bytes
        # as JSON every value has two bytes at least
        if max(unpacked_bytes, 2 * value_count) > limits.max_body_bytes:
            raise TooMuchUnpackedError(limits.max_body_bytes)
    if batches * dictionary_bytes > _DICTIONARY_FOLD * limits.max_body_bytes:
        raise TooMuchUnpackedError(limits.max_body_bytes)
    return unpacked_bytes


def _messages(body: bytes) -> Iterator[Declared]:
    """What each message declares; raises `MalformedBodyError` where there is one that is not taken."""
    for number, message in enumerate(pa.ipc.MessageReader.open_stream(body)):
        metadata = memoryview(message.metadata)
        try:
            found = declared(metadata, memoryview(message.body if message.body is not None else b""))
        except ValueError as error:
            raise MalformedBodyError(f"not an Arrow IPC stream: message {number}: {error}") from None
        if found.kind == SCHEMA and len(metadata) > _SCHEMA_BYTES:
            raise MalformedBodyError(f"the schema of the Arrow stream has more than {_SCHEMA_BYTES:,} bytes")
        if found.big_endian or found.delta:
            what = "numbers are big-endian" if found.big_endian else "a dictionary continues another; send it whole"
            raise MalformedBodyError(f"message {number} of the Arrow stream is not taken: {what}")
        if found.kind not in (SCHEMA, DICTIONARY, BATCH):
            raise MalformedBodyError(f"message {number} of the Arrow stream is no part of a table")
        yield found


class _Rows:
    """Makes events of rows, piece by piece."""

    def __init__(self, stream: Stream, limits: BodyLimits, take: Callable[[int], object]):
        self.parsed = ParsedEvents([])
        self._optional = {name for name, info in stream.model.model_fields.items() if not info.is_required()}
        self._limits = limits
        self._take = take
        self._json_bytes = 0

    def add(self, batch: pa.RecordBatch) -> None:
        """The rows of a batch that was validated."""
        plain = arrow_columns.plain(batch, self._limits.max_body_bytes)
        if plain is None:
            raise TooMuchUnpackedError(self._limits.max_body_bytes)
        first = len(self.parsed.events)
        self.parsed.refused.update({first + row: why for row, why in arrow_columns.not_finite(plain).items()})
        for piece, least_bytes in _pieces(plain):
            if piece.num_rows == 1 and least_bytes > self._limits.max_event_bytes:  # no object is made of it
                self.parsed.refuse(b"", [too_large(least_bytes, self._limits.max_event_bytes)])
                continue
            events = self._as_json(piece)
            size = sum(map(len, events))
            self._json_bytes += size
            if self._json_bytes > _JSON_FOLD * self._limits.max_body_bytes:
                raise TooMuchUnpackedError(_JSON_FOLD * self._limits.max_body_bytes)
            self._take(size)
            self.parsed.events.extend(events)

    def _as_json(self, piece: pa.RecordBatch) -> list[bytes]:
        optional = self._optional
        try:
            return [
                b"%b" % orjson.dumps({k: v for k, v in row.items() if v is not None or k not in optional}, default=str)
                for row in piece.to_pylist()
            ]
        except Exception as error:  # a date in the year 10,000, an unknown time zone: each type has an error of its own
            raise MalformedBodyError(f"a value of the Arrow stream has no form in JSON: {error}") from None


def _pieces(batch: pa.RecordBatch) -> Iterator[tuple[pa.RecordBatch, int]]:
    """A batch in pieces, each with the least that it takes as JSON: more than `_PIECE_BYTES` only for a single row."""
    begin, length = 0, _PIECE_ROWS
    while begin < batch.num_rows:
        piece = batch.slice(begin, length)
        while (least := arrow_columns.least_json_bytes(piece)) > _PIECE_BYTES and piece.num_rows > 1:
            piece = piece.slice(0, piece.num_rows // 2)
        yield piece, least
        begin += piece.num_rows
        length = min(_PIECE_ROWS, 2 * piece.num_rows)
