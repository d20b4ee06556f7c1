"""Tables of tiles: how the cells of a view travel between slices, merge and files.

The columns are the key fields as k0, k1, ..., ``tile`` (BIGINT, microseconds, 0 in a view without tiles) and the packed
columns of the view, in this order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from anabranch.agg.plain import SQL_TYPE_BY_KIND
from anabranch.view import Tiles, View
from batch.duckdb_session import quoted

if TYPE_CHECKING:
    import pyarrow as pa

Row = tuple[Any, ...]


def columns(view: View) -> list[tuple[str, str]]:
    """(name, SQL type) of every column."""
    types = ["VARCHAR"] if callable(view.by) else [SQL_TYPE_BY_KIND[view.of.fields[n].kind] for n in view.key_fields]
    return [*zip(view.key_columns, types, strict=True), ("tile", "BIGINT"), *view.columns]


def names(view: View) -> list[str]:
    """The quoted names of the columns."""
    return [quoted(name) for name, _ in columns(view)]


def rows(view: View, tiles: Tiles) -> list[Row]:
    """The rows of some tiles."""
    return [(*key, start, *view.pack(cells)) for key, by_start in tiles.items() for start, cells in by_start.items()]


def arrow(typed: Sequence[tuple[str, str]], rows: Iterable[Row]) -> pa.Table:
    """Rows as an Arrow table whose columns have the given (name, SQL type)."""
    import pyarrow as pa

    transposed = list(zip(*rows, strict=True)) or [()] * len(typed)
    arrays = [pa.array(values, arrow_type(sql_type)) for values, (_, sql_type) in zip(transposed, typed, strict=True)]
    return pa.Table.from_arrays(arrays, names=[name for name, _ in typed])


def plain(batch: pa.RecordBatch) -> list[Row]:
    """The rows of an Arrow table as Python values. A third quicker than DuckDB's own way to hand them out."""
    return list(zip(*map(_plain, batch.columns), strict=True))


def _plain(array: pa.Array) -> list[Any]:
    import pyarrow as pa

    if pa.types.is_string(array.type):  # keys, mostly, of which neighbours are equal: each is made once
        encoded = array.dictionary_encode()
        values: list[Any] = [*encoded.dictionary.to_pylist(), None]
        return [values[index] for index in encoded.indices.fill_null(-1).to_numpy().tolist()]
    if array.null_count or pa.types.is_binary(array.type):
        found: list[Any] = array.to_pylist()
        return found
    numbers: list[Any] = array.to_numpy(zero_copy_only=False).tolist()
    return numbers


def arrow_type(sql_type: str) -> pa.DataType:
    """The Arrow type of an SQL type; a type that ends in ``[]`` is a list."""
    import pyarrow as pa

    if sql_type.endswith("[]"):
        return pa.list_(arrow_type(sql_type.removesuffix("[]")))
    return {
        "BIGINT": pa.int64(),
        "DOUBLE": pa.float64(),
        "VARCHAR": pa.string(),
        "BOOLEAN": pa.bool_(),
        "BLOB": pa.binary(),
        "TIMESTAMPTZ": pa.timestamp("us", "UTC"),
    }[sql_type]
