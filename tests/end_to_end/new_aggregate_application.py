"""An application with aggregates of its own: each is one class, and says itself all that the layers know of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any

import orjson
from pydantic import BaseModel

from anabranch import App, agg
from anabranch.agg.aggregate import Aggregate, Column
from anabranch.events import Order
from anabranch.field import Kind


class longest(Aggregate):  # noqa: N801 — named as in the language
    """The longest text, of equals the first by code point: the least that a class can say, without any SQL."""

    kinds = frozenset[Kind]({"text"})
    wants = "a text"

    def zero(self) -> str | None:
        return None

    def add(self, state: str | None, value: str, order: Order) -> str:
        return value if state is None else min(state, value, key=lambda text: (-len(text), text))

    def merge(self, state: str | None, other: str | None) -> str | None:
        return state if other is None else self.add(state, other, (0, 0, 0))

    def present(self, state: str | None) -> str | None:
        return state

    @property
    def columns(self) -> tuple[Column, ...]:
        return (Column("state", "BLOB"),)

    def pack(self, state: str | None) -> tuple[bytes]:
        return (orjson.dumps(state),)

    def unpack(self, packed: Sequence[Any]) -> str | None:
        state: str | None = orjson.loads(packed[0])
        return state

    @property
    def sql_type(self) -> str:
        return "VARCHAR"

    def reference(self, evidence: Sequence[str] | None) -> str | None:
        return sorted(sorted(evidence), key=len, reverse=True)[0] if evidence else None


class newest(Aggregate):  # noqa: N801 — named as in the language
    """The newest `n` values, the newest first: it looks at the order of the events, and has no SQL either."""

    ordered = True

    def __init__(self, field: str, n: int = 3):
        super().__init__(field)
        self.n = n

    @property
    def parameters(self) -> tuple[object, ...]:
        return (self.n,)

    def zero(self) -> list[Any]:
        return []

    def add(self, state: list[Any], value: Any, order: Order) -> list[Any]:
        return sorted([*state, (order, value)], key=lambda placed: placed[0], reverse=True)[: self.n]

    def merge(self, state: list[Any], other: list[Any]) -> list[Any]:
        return reduce(lambda known, placed: self.add(known, placed[1], placed[0]), other, state)

    def present(self, state: list[Any]) -> list[Any]:
        return [value for _, value in state]

    @property
    def columns(self) -> tuple[Column, ...]:
        return (Column("state", "BLOB"),)

    def pack(self, state: list[Any]) -> tuple[bytes]:
        return (orjson.dumps(state),)

    def unpack(self, packed: Sequence[Any]) -> list[Any]:
        return [(tuple(order), value) for order, value in orjson.loads(packed[0])]

    @property
    def sql_type(self) -> str:
        return "VARCHAR[]"

    def reference(self, evidence: Sequence[Any] | None) -> list[Any]:
        return list(evidence or ())[::-1][: self.n]


class flags(Aggregate):  # noqa: N801 — named as in the language
    """The bits that are set in any of the values: with everything that SQL can do for an aggregate."""

    kinds = frozenset[Kind]({"integer"})
    wants = "a whole number"

    def zero(self) -> int:
        return 0

    def add(self, state: int, value: int, order: Order) -> int:
        return state | value

    def merge(self, state: int, other: int) -> int:
        return state | other

    def present(self, state: int) -> int:
        return state

    @property
    def columns(self) -> tuple[Column, ...]:
        return (Column("bits", "BIGINT"),)

    def pack(self, state: int) -> tuple[int]:
        return (state,)

    def unpack(self, packed: Sequence[Any]) -> int:
        bits: int = packed[0]
        return bits

    def fold_sql(self, value: str, order: str) -> tuple[str, ...]:
        return (f"coalesce(bit_or({value}), 0)::BIGINT",)

    def merge_sql(self, columns: Sequence[str]) -> tuple[str, ...]:
        return (f"coalesce(bit_or({columns[0]}), 0)::BIGINT",)

    @property
    def sql_type(self) -> str:
        return "BIGINT"

    def present_sql(self, columns: Sequence[str]) -> str:
        return columns[0]

    def reference(self, evidence: Sequence[int] | None) -> int:
        return reduce(or_, evidence or (), 0)


app = App("notes")


class Note(BaseModel):
    room: str
    at: datetime
    text: str | None = None
    bits: int | None = None


notes = app.stream("notes", Note, time="at")
NEW: dict[str, Any] = {"longest": longest("text"), "newest": newest("text"), "flags": flags("bits"), "n": agg.count()}
in_sql = app.view("in_sql", of=notes, by="room", tile="1h", **NEW)
in_python = app.view("in_python", of=notes, by="room", tile="1h", where=lambda note: True, **NEW)
