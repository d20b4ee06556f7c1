"""Which typed columns a file of the lake really has."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pyarrow.parquet as pq


def untold_columns(path: Path | str, columns: Iterable[str]) -> frozenset[str]:
    """The columns of which a Parquet file of the lake tells nothing; what the events say of them is in ``_data``.

    A file that was archived before a field came lacks its column. One that was archived while the stream was not part
    of the application has it, but empty: Delta Lake fills in the columns that the table has. Nothing tells this from
    a field that really was null in every event, for which ``_data`` says the same, only slower.
    """
    metadata = pq.read_metadata(path)
    told: set[str] = set()
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        for slot in range(group.num_columns):
            name = metadata.schema.column(slot).path.partition(".")[0]  # of a list: `name.list.element`
            if name in told:
                continue
            chunk = group.column(slot)
            statistics = chunk.statistics
            if statistics is not None and statistics.has_null_count and statistics.null_count < chunk.num_values:
                told.add(name)
    return frozenset(columns) - told
