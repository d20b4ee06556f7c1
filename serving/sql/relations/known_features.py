"""Which features the recorded predictions have, and of which type: what makes their column a struct."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from batch.duckdb_session import Connection, parquet_files
from eventlog.decisions import PREDICTIONS
from eventlog.log.segment import Segment

_SAMPLED = 1_000
"""Of the predictions in the lake, the newest are looked at."""


class KnownFeatures:
    """The features by name, in the order in which they were first seen.

    SQL does not tell upper from lower case: of features whose names differ only in that, the first is known.

    Attributes
    ----------
    types
        SQL types. A feature of which only missing values are known counts as a number.
    """

    def __init__(self) -> None:
        self.types: dict[str, str] = {}
        self._sure: set[str] = set()
        self._spelt: dict[str, str] = {}

    def note(self, segments: Iterable[Segment]) -> None:
        """Look at the predictions among new records."""
        for segment in segments:
            if segment.stream == PREDICTIONS:
                for event in orjson.loads(segment.data):
                    self._note(event["features"])

    def sample(self, connection: Connection, files: Sequence[str]) -> None:
        """Look at the newest predictions in files of the lake."""
        if files:
            newest = f"SELECT _data FROM {parquet_files(files)} ORDER BY _offset DESC LIMIT {_SAMPLED}"
            for (data,) in reversed(connection.execute(newest).fetchall()):
                self._note(orjson.loads(data)["features"])

    def _note(self, features: Mapping[str, Any]) -> None:
        for name, value in features.items():
            if not name or self._spelt.setdefault(name.lower(), name) != name:
                continue
            if value is None:
                self.types.setdefault(name, "DOUBLE")
                continue
            type_ = "BOOLEAN" if isinstance(value, bool) else "VARCHAR" if isinstance(value, str) else "DOUBLE"
            if name in self._sure and self.types[name] != type_:
                type_ = "VARCHAR"  # models disagree
            self.types[name] = type_
            self._sure.add(name)
