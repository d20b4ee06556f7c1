"""Training rows: one Parquet file for each slice and model, which never changes and is carried from run to run.

The columns are ``_offset`` and ``_time`` (microseconds) of the example, ``_label`` (NULL: it has none), or ``_join``
(text) where the label arrives later, and the features: numbers as DOUBLE, booleans, texts. The labels that arrive
later have files of their own: ``_offset``, ``_time``, ``_join``, ``_label``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anabranch.feature_kinds import FeatureKind, Kinds
from anabranch.features import Features
from batch.views.tile_table import arrow_type

if TYPE_CHECKING:
    import pyarrow as pa

GROUP_ROWS = 50_000
"""Rows in memory before they are written."""


@dataclass
class RowWriter:
    """Writes a file of rows piece by piece; it is whole when it is closed.

    Attributes
    ----------
    path
        The file.
    fixed
        (name, SQL type) of the columns before the features.
    kinds
        What the features hold as far as they were seen.
    group_rows
        See `GROUP_ROWS`.
    """

    path: Path
    fixed: Sequence[tuple[str, str]]
    kinds: Kinds = field(default_factory=dict)
    group_rows: int = GROUP_ROWS
    rows: int = 0
    _tables: list[pa.Table] = field(default_factory=list)
    _waiting: int = 0
    _writer: Any = None

    def add(self, fixed: Sequence[Sequence[Any]], features: Sequence[Features], kinds: Kinds) -> None:
        """Add rows: the values of each fixed column, and the features of each row.

        Parameters
        ----------
        kinds
            What the features hold in these rows and in all that were added before.
        """
        before, self.kinds = self.kinds, kinds
        if self._writer is not None and _types(kinds) != _types(before):
            self._widen()
        self._tables.append(self._table(fixed, {name: [row[name] for row in features] for name in kinds}))
        self.rows += len(fixed[0])
        self._waiting += len(fixed[0])
        if self._waiting >= self.group_rows:
            self._write()

    def close(self) -> None:
        """Finish the file."""
        self._write()
        self._writer.close()

    def _table(self, fixed: Sequence[Sequence[Any]], columns: Mapping[str, list[Any]]) -> pa.Table:
        import pyarrow as pa

        schema = self._schema()
        arrays = [pa.array(values, schema.field(at).type) for at, values in enumerate(fixed)]
        for name, kind in self.kinds.items():
            arrays.append(
                pa.array(_plain(columns[name]) if kind == "number" else columns[name], schema.field(name).type)
            )
        return pa.Table.from_arrays(arrays, schema=schema)

    def _schema(self) -> pa.Schema:
        import pyarrow as pa

        typed = [*self.fixed, *((name, _SQL_TYPES[kind]) for name, kind in self.kinds.items())]
        return pa.schema([(name, arrow_type(sql_type)) for name, sql_type in typed])

    def _write(self) -> None:
        """Write what waits as one row group."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        schema = self._schema()
        if self._writer is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._writer = pq.ParquetWriter(self.path, schema, compression="zstd")
        if self._tables:
            self._writer.write_table(pa.concat_tables(table.cast(schema) for table in self._tables))
        self._tables, self._waiting = [], 0

    def _widen(self) -> None:
        """Write again what is written: a feature that was None or boolean in all of it turns out to be more."""
        import pyarrow.parquet as pq

        self._writer.close()
        narrow = self.path.with_suffix(".narrow")
        self.path.replace(narrow)
        schema = self._schema()
        self._writer = pq.ParquetWriter(self.path, schema, compression="zstd")
        with pq.ParquetFile(narrow) as written:
            for group in range(written.num_row_groups):
                self._writer.write_table(written.read_row_group(group).cast(schema))
        narrow.unlink()


_SQL_TYPES: dict[FeatureKind, str] = {"none": "DOUBLE", "number": "DOUBLE", "boolean": "BOOLEAN", "text": "VARCHAR"}


def _types(kinds: Kinds) -> list[str]:
    return [_SQL_TYPES[kind] for kind in kinds.values()]


def _plain(values: list[Any]) -> list[Any]:
    """Numbers as Arrow takes them: it refuses booleans, and whole numbers beyond the precision of a float."""
    if not {bool, int} & set(map(type, values)):
        return values
    return [None if value is None else float(value) for value in values]
