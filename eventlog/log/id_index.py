"""The index of ids, which finds duplicates.

Ids go to the database as one value, a JSON array (SQLite) or an array (PostgreSQL), and are taken apart there: one
statement for a thousand ids, during which Python's lock is free, instead of a thousand.
"""

from __future__ import annotations

from typing import Any

import orjson
from sqlalchemy import BigInteger, ColumnElement, Connection, Text, any_, bindparam, cast, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import ARRAY

from eventlog.log.prepared_statement import PreparedStatement
from eventlog.registry.tables import ids


class IdIndex:
    """Which ids a stream's hot records have, and where."""

    def __init__(self, dialect: str):
        self._packed = _json if dialect == "sqlite" else list
        wanted, position, value = _sqlite() if dialect == "sqlite" else _postgresql()
        these = (ids.c.stream == bindparam("own", type_=Text)) & wanted
        self._find = PreparedStatement(select(ids.c.id, ids.c.offset).where(these))
        self._forget = PreparedStatement(delete(ids).where(these))
        rows = select(cast(bindparam("own"), Text), value, cast(bindparam("first"), BigInteger) + position)
        insert = (sqlite if dialect == "sqlite" else postgresql).insert(ids)
        new = insert.from_select(["stream", "id", "offset"], rows.where(value.is_not(None)))
        self._add = PreparedStatement(new.on_conflict_do_nothing())
        self._take_back = PreparedStatement(delete(ids).where(these, ids.c.offset >= bindparam("first")))

    def find(self, connection: Connection, stream: str, wanted: list[str | None]) -> dict[str, int]:
        """Where the log holds any of these ids already."""
        if not _some(wanted):
            return {}
        return dict(self._find.rows(connection, {"own": stream, "ids": self._packed(wanted)}))

    def add(self, connection: Connection, stream: str, new: list[str | None], first: int) -> bool:
        """Remember the ids of consecutive records from offset `first` on, the next of the log; None: it has no id.

        Returns
        -------
        bool
            False: an id is known already or twice among these, and none was added.
        """
        count = len(new) - new.count(None)
        if count == 0:
            return True
        values = {"own": stream, "ids": self._packed(new), "first": first}
        if self._add.run(connection, values) == count:
            return True
        # those that were new are in by now; they, and no others, stand from `first` on: the head of the log is locked
        self._take_back.run(connection, values)
        return False

    def put(self, connection: Connection, stream: str, new: list[str | None], first: int) -> None:
        """Remember the ids of consecutive records from offset `first` on, also those that stood elsewhere."""
        self.forget(connection, stream, new)
        if _some(new):
            self._add.run(connection, {"own": stream, "ids": self._packed(new), "first": first})

    def forget(self, connection: Connection, stream: str, old: list[str | None]) -> None:
        """Forget ids, so that they can come again."""
        if _some(old):
            self._forget.run(connection, {"own": stream, "ids": self._packed(old)})


Elements = tuple[ColumnElement[bool], ColumnElement[int], ColumnElement[Any]]
"""(the table's id is one of those bound as ``ids``; their 0-based position; their text)."""


def _sqlite() -> Elements:
    rows = func.json_each(bindparam("ids", type_=Text)).table_valued("key", "value")
    return ids.c.id.in_(select(rows.c.value)), rows.c.key, rows.c.value


def _postgresql() -> Elements:
    bound = bindparam("ids", type_=ARRAY(Text))
    rows = func.unnest(bound).table_valued("value", with_ordinality="ordinal").render_derived()
    # not IN (SELECT ...): a table without statistics would be read from end to end for one id
    return ids.c.id == any_(bound), rows.c.ordinal - 1, rows.c.value


def _json(values: list[str | None]) -> str:
    return orjson.dumps(values).decode()


def _some(values: list[str | None]) -> bool:
    return any(value is not None for value in values)
