"""Records of the lake in the order of the log, as runs of one stream: what a replay folds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from anabranch.stream import Stream
from batch.duckdb_session import Connection, parquet_files
from batch.plan import Slice
from batch.views.python_fold import DECODED_EVENTS, LakeEvents
from batch.views.sql_fold import within


def runs(
    connection: Connection, streams: Sequence[Stream], files: Mapping[str, Sequence[str]], part: Slice
) -> Iterator[LakeEvents]:
    """The records of a slice as runs: consecutive ones of one stream, some thousands at most.

    Parameters
    ----------
    streams
        Whose records.
    files
        By the name of a stream, the Parquet files of the lake that hold the slice; none where there is no record.
    """
    held = [stream for stream in streams if files.get(stream.name)]
    if not held:
        return
    selects = [
        f"SELECT {number}::UTINYINT AS stream, _partition, _offset, epoch_us(_time) AS time, _data"
        f" FROM {parquet_files(files[stream.name])} WHERE {within(part)}"
        for number, stream in enumerate(held)
    ]
    query = f"SELECT * FROM ({' UNION ALL '.join(selects)}) ORDER BY _offset"
    for batch in connection.sql(query).to_arrow_reader(DECODED_EVENTS):
        numbers, partitions, offsets, times, texts = (column.to_pylist() for column in batch.columns)
        edges = [0, *(i for i in range(1, len(numbers)) if numbers[i] != numbers[i - 1]), len(numbers)]
        for low, high in pairwise(edges):
            data = b"[" + ",".join(texts[low:high]).encode() + b"]"
            yield LakeEvents(held[numbers[low]], partitions[low:high], offsets[low:high], times[low:high], data)
