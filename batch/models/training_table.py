"""The rows that a model trains on: those of all slices that have a label, oldest first, as one Parquet file.

A label that arrives later is joined here, once more in every run, because a newer one may have come; the rule is that
of `anabranch.label.Label`. An example that is still open and has no label yet is no row yet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from anabranch.feature_kinds import FeatureKind, Kinds
from anabranch.model import Model
from anabranch.watermarks import newest_of
from batch.duckdb_session import Connection, literal, parquet_files, quoted
from batch.exchange import Exchange
from batch.models.label_file import label_type
from eventlog.store.address import StoreAddress
from eventlog.store.blobs import Blob

SQL_TYPES: dict[FeatureKind, str] = {"number": "DOUBLE", "boolean": "BOOLEAN", "text": "VARCHAR", "none": "DOUBLE"}


@dataclass(frozen=True, slots=True)
class TrainingTable:
    """The rows that a model trains on.

    Attributes
    ----------
    path
        Parquet, sorted by event time and offset: ``_offset``, ``_time``, ``_label``, and the features; on the machine
        of the run.
    kinds
        What each feature holds.
    rows
        How many.
    store, blob
        Where workers of other machines find it; None: all are of this one.
    """

    path: str
    kinds: Mapping[str, FeatureKind]
    rows: int
    store: StoreAddress | None = None
    blob: Blob | None = None

    @property
    def file(self) -> str:
        """Where it is on this machine; ask again for each use. Raises as `Blobs.fetch` does."""
        if self.store is None or self.blob is None:
            return self.path
        return str(self.store.opened().fetch(self.blob))

    def handed_on(self, exchange: Exchange, name: str) -> TrainingTable:
        """The same, for workers of other machines."""
        return replace(self, store=exchange.store, blob=exchange.put(Path(self.path), name))

    def holdout(self, share: float) -> int:
        """The number of the first row that is held out, when the newest `share` of them is."""
        return self.rows - max(1, round(self.rows * share))

    @property
    def bytes_in_memory(self) -> int:
        """How large it is as a matrix of floats."""
        return 8 * self.rows * (len(self.kinds) + 1)


def write_table(
    connection: Connection,
    model: Model,
    files: Sequence[Path],
    labels: Sequence[Path],
    kinds: Kinds,
    newest: Mapping[str, int],
    into: Path,
) -> TrainingTable:
    """Write the table of a model.

    Parameters
    ----------
    files, labels
        All files of its rows, and of its labels that arrive later.
    newest
        The newest event times by stream.
    """
    known: dict[str, FeatureKind] = {name: "number" if kind == "none" else kind for name, kind in kinds.items()}
    features = [f"{quoted(name)}::{SQL_TYPES[kind]} AS {quoted(name)}" for name, kind in known.items()]
    source = parquet_files(files)
    if model.later_label is not None:
        source = f"({_labelled(model, files, labels, newest)})"
    columns = ", ".join(["_offset", "_time", f"_label::{label_type(model)} AS _label", *features])
    query = f"SELECT {columns} FROM {source} WHERE _label IS NOT NULL ORDER BY _time, _offset"
    into.parent.mkdir(parents=True, exist_ok=True)
    connection.execute(f"COPY ({query}) TO {literal(into)} (FORMAT parquet, ROW_GROUP_SIZE 122880)")
    found = connection.execute(f"SELECT count(*) FROM {parquet_files([into])}").fetchone()
    assert found is not None
    return TrainingTable(str(into.resolve()), known, int(found[0]))


def _labelled(model: Model, files: Sequence[Path], labels: Sequence[Path], newest: Mapping[str, int]) -> str:
    """SQL of the examples with the label that has arrived for each; NULL: none yet, or never."""
    label = model.later_label
    assert label is not None
    clock = newest_of(newest, (model.on.name, label.stream.name)) or 0
    missing = _literal(model.label_value(label.missing))
    # one pass over both, sorted by key and time: a join would meet every label of a key with every example of it
    both = (
        f"SELECT _offset, _time, _join, NULL AS said, true AS is_example FROM {parquet_files(files)}"
        " UNION ALL SELECT _offset, _time, _join, struct_pack(o := _offset, l := _label), false"
        f" FROM {parquet_files(labels)}"
    )
    newest_label = (
        f"SELECT _offset, is_example, max(said) OVER (PARTITION BY _join ORDER BY _time"
        f" RANGE BETWEEN {label.within_us} PRECEDING AND {label.within_us} FOLLOWING) AS said"
        f" FROM ({both}) WHERE _join IS NOT NULL"
    )
    closed = label.closed_sql("_time", clock)
    return (
        f"SELECT rows.*, CASE WHEN found.said IS NOT NULL THEN found.said.l WHEN {closed} THEN {missing} END AS _label"
        f" FROM {parquet_files(files)} AS rows"
        f" JOIN ({newest_label}) AS found ON found.is_example AND rows._offset = found._offset"
    )


def _literal(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "NULL", False: "false", True: "true"}[value]
    return literal(value) if isinstance(value, str) else repr(value)
