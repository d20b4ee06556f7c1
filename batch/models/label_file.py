"""The labels of a slice that arrive in another stream than their examples, as a file beside the rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from anabranch.label import Label, join_text
from anabranch.model import Model
from batch.duckdb_session import Connection
from batch.models.records import runs
from batch.models.row_file import RowWriter
from batch.plan import Slice


def write(
    connection: Connection, model: Model, label: Label, files: Sequence[str], part: Slice, path: Path
) -> tuple[int, int | None]:
    """Write the file of labels of a slice.

    Returns
    -------
    rows, newest
        How many labels, and the newest event time of their stream; None: there was no event.
    """
    columns = [("_offset", "BIGINT"), ("_time", "BIGINT"), ("_join", "VARCHAR"), ("_label", label_type(model))]
    writer = RowWriter(path, columns)
    newest: int | None = None
    for events in runs(connection, [label.stream], {label.stream.name: files}, part):
        newest = max(events.times if newest is None else (newest, *events.times))
        keys = map(join_text, events.column(label.label_field))
        values = map(model.label_value, events.column(label.field))
        rows = [
            (offset, time, key, value)
            for (time, _, offset), key, value in zip(events.orders, keys, values, strict=True)
            if key is not None and value is not None
        ]
        if rows:
            writer.add(list(zip(*rows, strict=True)), [], {})
    writer.close()
    return writer.rows, newest


def label_type(model: Model) -> str:
    """The SQL type of a model's labels."""
    if model.task == "regression":
        return "DOUBLE"
    if model.task == "binary":
        return "BOOLEAN"
    later = model.later_label
    field = model.on.fields[str(model.label)] if later is None else later.stream.fields[later.field]
    return {"text": "VARCHAR", "integer": "BIGINT", "boolean": "BOOLEAN"}[field.kind]
