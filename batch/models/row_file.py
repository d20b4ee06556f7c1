"""Training rows on disk: one Parquet file for each slice and model, which never changes and is kept.

The columns are ``_offset`` and ``_time`` (microseconds) of the example, ``_label`` (NULL: it has none), or ``_join``
(text) where the label arrives later, and the features: numbers as DOUBLE, booleans, texts. The labels that arrive
later have files of their own: ``_offset``, ``_time``, ``_join``, ``_label``.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from anabranch.features import Features
from anabranch.model import Model
from batch.errors import FeaturesChangedError, MixedFeatureError
from batch.models.encoding import FeatureKind
from batch.plan import Slice
from batch.views.tile_table import arrow_type

if TYPE_CHECKING:
    import pyarrow as pa

Kind = FeatureKind | Literal["none"]
"""What a feature holds; none: it was None in every row so far."""
Kinds = Mapping[str, Kind]
GROUP_ROWS = 50_000
"""Rows in memory before they are written."""

_BOOLEAN, _NUMBER, _TEXT = {bool}, {int, float}, {str}


def folder_of(model: Model) -> str:
    """Where the rows of a model are, from the home on."""
    return f"rows/{model.name}-{model.fingerprint}"


def name_of(part: Slice) -> str:
    """What the files of a slice are called."""
    return f"{part.start:020d}-{part.end:020d}"


def kind_of(values: Iterable[Any]) -> tuple[Kind, ...]:
    """The kinds of some values; several only where they cannot be one feature.

    >>> kind_of([1, 2.5, None]), kind_of([True, 3]), kind_of(["a", 3])
    (('number',), ('number',), ('number', 'text'))
    """
    types = set(map(type, values)) - {type(None)}
    if not types:
        return ("none",)
    if types == _BOOLEAN:
        return ("boolean",)
    if types <= _BOOLEAN | _NUMBER:
        return ("number",)
    return ("text",) if types == _TEXT else ("number", "text")


def joined_kinds(model: str, one: Kinds | None, other: Kinds, where: str) -> Kinds:
    """The kinds of features in rows that belong together.

    Parameters
    ----------
    where
        Which rows `other` is about, for the message.

    Raises
    ------
    FeaturesChangedError
        If the names differ.
    MixedFeatureError
        If one feature is text here and a number there.
    """
    if one is None:
        return other
    if one.keys() != other.keys():
        raise _changed(model, one, other, where)
    found: dict[str, Kind] = {}
    for name, kind in one.items():
        kinds = {kind, other[name]} - {"none"}
        if "text" in kinds and len(kinds) > 1:
            raise _mixed(model, name, where)
        found[name] = "number" if "number" in kinds else next(iter(kinds), "none")
    return found


@dataclass
class RowWriter:
    """Writes a file of rows piece by piece. It becomes visible whole, by a rename, when it is closed.

    Attributes
    ----------
    model
        The name of the model, for messages.
    path
        The file.
    fixed
        (name, SQL type) of the columns before the features.
    kinds
        What the features hold as far as they were seen; given at first: the names that are expected.
    """

    model: str
    path: Path
    fixed: Sequence[tuple[str, str]]
    kinds: Kinds | None = None
    rows: int = 0
    _tables: list[pa.Table] = field(default_factory=list)
    _waiting: int = 0
    _writer: Any = None

    def add(self, fixed: Sequence[Sequence[Any]], features: Sequence[Features], where: str) -> None:
        """Add rows: the values of each fixed column, and the features of each row.

        Parameters
        ----------
        where
            The place of these rows in the log, for messages.
        """
        if not fixed[0]:
            return
        names = features[0].keys() if features else ()
        for row in features:
            if row.keys() != names:
                raise _changed(self.model, names, row, where)
        columns = {name: [row[name] for row in features] for name in names}
        kinds: dict[str, Kind] = {}
        for name, values in columns.items():
            found = kind_of(values)
            if len(found) > 1:
                raise _mixed(self.model, name, where)
            kinds[name] = found[0]
        before = self.kinds
        self.kinds = joined_kinds(self.model, before, kinds, where)
        if self._writer is not None and _types(self.kinds) != _types(before):
            self._widen()
        self._tables.append(self._table(fixed, columns))
        self.rows += len(fixed[0])
        self._waiting += len(fixed[0])
        if self._waiting >= GROUP_ROWS:
            self._write()

    def close(self) -> None:
        """Finish the file."""
        self._write()
        self._writer.close()
        with self._temporary.open("rb") as file:
            os.fsync(file.fileno())
        self._temporary.replace(self.path)

    def _table(self, fixed: Sequence[Sequence[Any]], columns: Mapping[str, list[Any]]) -> pa.Table:
        import pyarrow as pa

        schema = self._schema()
        assert self.kinds is not None
        arrays = [pa.array(values, schema.field(at).type) for at, values in enumerate(fixed)]
        for name, kind in self.kinds.items():
            arrays.append(
                pa.array(_plain(columns[name]) if kind == "number" else columns[name], schema.field(name).type)
            )
        return pa.Table.from_arrays(arrays, schema=schema)

    def _schema(self) -> pa.Schema:
        import pyarrow as pa

        typed = [*self.fixed, *((name, _SQL_TYPES[kind]) for name, kind in (self.kinds or {}).items())]
        return pa.schema([(name, arrow_type(sql_type)) for name, sql_type in typed])

    def _write(self) -> None:
        """Write what waits as one row group."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        schema = self._schema()
        if self._writer is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._writer = pq.ParquetWriter(self._temporary, schema, compression="zstd")
        if self._tables:
            self._writer.write_table(pa.concat_tables(table.cast(schema) for table in self._tables))
        self._tables, self._waiting = [], 0

    def _widen(self) -> None:
        """Write again what is written: a feature that was None or boolean in all of it turns out to be more."""
        import pyarrow.parquet as pq

        self._writer.close()
        narrow = self._temporary.with_suffix(".narrow")
        self._temporary.replace(narrow)
        schema = self._schema()
        self._writer = pq.ParquetWriter(self._temporary, schema, compression="zstd")
        with pq.ParquetFile(narrow) as written:
            for group in range(written.num_row_groups):
                self._writer.write_table(written.read_row_group(group).cast(schema))
        narrow.unlink()

    @property
    def _temporary(self) -> Path:
        # the same slice may be at work twice, when a worker is taken for dead
        return self.path.with_suffix(f".{os.getpid()}.{id(self)}")


_SQL_TYPES: dict[Kind, str] = {"none": "DOUBLE", "number": "DOUBLE", "boolean": "BOOLEAN", "text": "VARCHAR"}


def _types(kinds: Kinds | None) -> list[str]:
    return [_SQL_TYPES[kind] for kind in (kinds or {}).values()]


def _plain(values: list[Any]) -> list[Any]:
    """Numbers as Arrow takes them: it refuses booleans, and whole numbers beyond the precision of a float."""
    if not {bool, int} & set(map(type, values)):
        return values
    return [None if value is None else float(value) for value in values]


def _changed(model: str, before: Iterable[str], now: Iterable[str], where: str) -> FeaturesChangedError:
    return FeaturesChangedError(
        f"model {model!r}: its features function returns other names than before, {where}."
        f" Before: {', '.join(sorted(before))}. Now: {', '.join(sorted(now))}."
        " It must return the same names for every event; give None where there is no value"
    )


def _mixed(model: str, name: str, where: str) -> MixedFeatureError:
    return MixedFeatureError(
        f"model {model!r}: feature {name!r} is a text in one event and a number in another, {where}."
        " Make it one of both, or None"
    )
