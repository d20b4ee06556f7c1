"""Which version of each model is the champion, as the log says: publications, promotions and rollbacks, in order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import orjson

from anabranch import SYSTEM, Cut
from batch import duck
from eventlog.log import Log

_KINDS = ("batch_published", "model_promoted", "model_rolled_back")
READ_RECORDS = 20_000


def champions(events: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """The champion's version by model, after some events of the system's stream.

    >>> champions([{"kind": "batch_published", "promoted": {"m": 1}}, {"kind": "batch_published", "promoted": {"m": 2}},
    ...            {"kind": "model_rolled_back", "model": "m", "version": 1}])
    {'m': 1}
    """
    found: dict[str, int] = {}
    for event in events:
        if event["kind"] == "batch_published":
            found.update(event.get("promoted", {}))
        elif event["kind"] in _KINDS:
            found[event["model"]] = event["version"]
    return found


def system_events(
    connection: duck.Connection, files: Sequence[str], log: Log, archived: Cut
) -> Iterator[Mapping[str, Any]]:
    """The events of the log that champions depend on: up to `archived` from the lake, from there on from the log.

    Parameters
    ----------
    files
        The lake's Parquet files of the system's stream.
    """
    if files:
        wanted = " OR ".join(f"contains(_data, '{kind}')" for kind in _KINDS)
        query = f"SELECT _data FROM {duck.parquet(files)} WHERE _offset < {archived.offsets[0]} AND ({wanted})"
        for (data,) in connection.execute(f"{query} ORDER BY _offset").fetchall():
            yield orjson.loads(data)
    position = archived
    while segments := log.read(position, READ_RECORDS):
        for segment in segments:
            if segment.stream == SYSTEM:
                yield from (record.data for record in segment.records())
        position = Cut((segments[-1].end,))
