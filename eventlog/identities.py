"""The index of ids, which finds duplicates.

Ids go to the database as one JSON array and are taken apart there: one statement for a thousand ids, during which
Python's lock is free, instead of a thousand.
"""

from __future__ import annotations

from typing import Any

import orjson
from sqlalchemy import JSON, BigInteger, ColumnElement, Connection, Text, bindparam, cast, delete, func, insert, select

from eventlog.tables import ids


class Identities:
    """Which ids a stream's hot records have, and where."""

    def __init__(self, dialect: str):
        position, value = _elements(dialect)
        own = ids.c.stream == bindparam("own", type_=Text)
        self._find = select(ids.c.id, ids.c.offset).where(own, ids.c.id.in_(select(value)))
        self._add = insert(ids).from_select(
            ["stream", "id", "offset"],
            select(cast(bindparam("own"), Text), value, cast(bindparam("first"), BigInteger) + position).where(
                value.is_not(None)
            ),
        )
        self._forget = delete(ids).where(own, ids.c.id.in_(select(value)))

    def find(self, connection: Connection, stream: str, wanted: list[str | None]) -> dict[str, int]:
        """Where the log holds any of these ids already."""
        if not any(wanted) and "" not in wanted:
            return {}
        return {row[0]: row[1] for row in connection.execute(self._find, {"own": stream, "ids": _json(wanted)})}

    def add(self, connection: Connection, stream: str, new: list[str | None], first: int) -> None:
        """Remember the ids of consecutive records from offset `first` on; None: that record has no id."""
        if any(new) or "" in new:
            connection.execute(self._add, {"own": stream, "ids": _json(new), "first": first})

    def forget(self, connection: Connection, stream: str, old: list[str | None]) -> None:
        """Forget ids, so that they can come again."""
        connection.execute(self._forget, {"own": stream, "ids": _json(old)})


def _json(values: list[str | None]) -> str:
    return orjson.dumps(values).decode()


def _elements(dialect: str) -> tuple[ColumnElement[int], ColumnElement[Any]]:
    """(0-based position, text) of the elements of the JSON array that is bound as ``ids``."""
    array = bindparam("ids", type_=Text)
    if dialect == "sqlite":
        rows = func.json_each(array).table_valued("key", "value")
        return rows.c.key, rows.c.value
    elements = func.json_array_elements_text(cast(array, JSON))
    numbered = elements.table_valued("value", with_ordinality="ordinal").render_derived()
    return numbered.c.ordinal - 1, numbered.c.value
