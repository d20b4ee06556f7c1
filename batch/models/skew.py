"""The skew test: what the speed layer froze of an example equals what the replay made of it.

The speed layer writes a sample of the features that it froze into a stream of its own. Each is looked up among the
training rows by its place in the log, and compared: numbers to nine digits, since sums of floats depend on the order
of their merges, everything else exactly. Whatever differs was not made of the event and the views alone: a features
function that reads the clock, draws random numbers or asks another system trains on something else than it serves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isclose
from pathlib import Path
from typing import Any

import orjson

from anabranch.model import Model
from batch.duckdb_session import Connection, parquet_files
from eventlog.decisions import FEATURES, FeatureSample
from eventlog.decisions.event_fields import EventFields

RELATIVE = 1e-9
ABSOLUTE = 1e-12
"""Where numbers nearly cancel, nothing is left of nine digits."""
SHOWN_DIFFERENCES = 5
"""Of the features that differ, so many are shown with both values."""


def samples(connection: Connection, files: Sequence[str], start: int, end: int) -> list[FeatureSample]:
    """The samples that were taken in ``[start, end)`` of the log.

    Parameters
    ----------
    files
        The lake's Parquet files of the stream `FEATURES`.

    Raises
    ------
    CorruptLogError
        If one is not what was written.
    """
    if not files:
        return []
    within = f"_offset >= {start} AND _offset < {end}"
    query = f"SELECT _offset, _data FROM {parquet_files(files)} WHERE {within} ORDER BY _offset"
    return [
        FeatureSample.read(EventFields(orjson.loads(data), f"0:{offset} of stream {FEATURES!r}"))
        for offset, data in connection.execute(query).fetchall()
    ]


def compare(
    connection: Connection, model: Model, taken: Sequence[FeatureSample], files: Sequence[Path]
) -> dict[str, Any]:
    """Compare samples of a model with its rows.

    Parameters
    ----------
    files
        All files of its rows.

    Returns
    -------
    dict
        ``checked``, ``unequal`` and ``examples``: ``{"position", "feature", "speed", "batch"}`` each.
    """
    frozen = {
        sample.offset: sample.features
        for sample in taken
        if sample.model == model.name and sample.fingerprint == model.fingerprint
    }
    replayed = _replayed(connection, files, list(frozen))
    examples: list[dict[str, Any]] = []
    unequal = 0
    for offset, features in frozen.items():
        found = [
            {"position": f"0:{offset}", "feature": name, "speed": speed, "batch": batch}
            for name, speed, batch in _differences(features, replayed.get(offset))
        ]
        unequal += bool(found)
        examples += found[: SHOWN_DIFFERENCES - len(examples)]
    return {"checked": len(frozen), "unequal": unequal, "examples": examples}


def problem(model: str, report: Mapping[str, Any]) -> str | None:
    """What a person should know of it; None: nothing differs."""
    if not report["unequal"]:
        return None
    example = report["examples"][0]
    return (
        f"features of model {model!r} differ between speed and batch for {report['unequal']} of {report['checked']}"
        f" sampled events, e.g. {example['feature']!r} at {example['position']}: {example['speed']!r} in speed,"
        f" {example['batch']!r} in batch. Does the features function read the clock, or randomness?"
    )


def _replayed(connection: Connection, files: Sequence[Path], offsets: Sequence[int]) -> dict[int, dict[str, Any]]:
    """The features in the rows at some offsets."""
    if not files or not offsets:
        return {}
    wanted = ", ".join(map(str, offsets))
    found = connection.execute(f"SELECT * FROM {parquet_files(files)} WHERE _offset IN ({wanted})")
    names = [column[0] for column in found.description]
    rows = (dict(zip(names, row, strict=True)) for row in found.fetchall())
    return {row["_offset"]: {n: value for n, value in row.items() if n not in _FIXED} for row in rows}


_FIXED = ("_offset", "_time", "_label", "_join")


def _differences(speed: Mapping[str, Any], batch: Mapping[str, Any] | None) -> list[tuple[str, Any, Any]]:
    """(name, value in speed, value in batch) of every feature that differs."""
    if batch is None:
        return [("(all)", dict(speed), "the features function raised, or there is no such event")]
    names = [*speed, *(name for name in batch if name not in speed)]
    pairs = ((name, speed.get(name), batch.get(name)) for name in names)
    return [(name, mine, theirs) for name, mine, theirs in pairs if not _same(mine, theirs)]


def _same(speed: Any, batch: Any) -> bool:
    if isinstance(speed, (int, float)) and isinstance(batch, (int, float)):  # rows hold all numbers as floats
        return isclose(speed, batch, rel_tol=RELATIVE, abs_tol=ABSOLUTE)
    return type(speed) is type(batch) and bool(speed == batch)
