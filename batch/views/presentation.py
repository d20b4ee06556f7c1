"""What analysts see of a state: a typed value column beside the packed columns.

What SQL can present of an aggregate, and of which type the answer is, its class says. What only Python can present goes
into the published table in a form that a file can hold, and is cast when it is read:

===========================  ==============  =================================================
type of the answer           in the file     why
===========================  ==============  =================================================
``BIGINT``                   ``BIGINT``      NULL where the answer needs more than 64 bits
``DOUBLE VARCHAR BOOLEAN``   the same
``TIMESTAMPTZ``              ``VARCHAR``     answers show an instant as text
a list of one of these       a list of that
any other, like a STRUCT     ``VARCHAR``     the JSON of the answer
===========================  ==============  =================================================
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from anabranch.agg.aggregate import Aggregate

_FILED = {
    "BIGINT": "BIGINT",
    "DOUBLE": "DOUBLE",
    "VARCHAR": "VARCHAR",
    "BOOLEAN": "BOOLEAN",
    "TIMESTAMPTZ": "VARCHAR",
}
"""The type in the file of an answer that Python presents, by its own type; lists of them alike."""


@dataclass(frozen=True, slots=True)
class Presentation:
    """How the states of an aggregate become a column.

    Attributes
    ----------
    type
        The SQL type of the column in the published table.
    shown_type
        The SQL type that analysts see.
    sql
        SQL over the packed columns; None: only `value` can.
    value
        From what `present` answers to what goes into the column.
    """

    type: str
    shown_type: str
    sql: str | None = None
    value: Callable[[Any], Any] = lambda presented: presented

    def shown_sql(self, column: str) -> str:
        """SQL of what analysts see, over the column of the published table."""
        if self.type == self.shown_type:
            return column
        plain = self.shown_type.removesuffix("[]") in _FILED
        return f"{column}::{self.shown_type}" if plain else f"{column}::JSON::{self.shown_type}"


def presentation(aggregate: Aggregate, columns: Sequence[str]) -> Presentation:
    """The presentation of an aggregate whose packed columns have these (quoted) names."""
    shown, sql = aggregate.sql_type, aggregate.present_sql(columns)
    if sql is not None:
        return Presentation(shown, shown, sql)
    if shown == "BIGINT":
        return Presentation(shown, shown, value=_fitting)
    if shown.removesuffix("[]") in _FILED:
        suffix = "[]" if shown.endswith("[]") else ""
        return Presentation(_FILED[shown.removesuffix("[]")] + suffix, shown)
    return Presentation("VARCHAR", shown, value=lambda answer: orjson.dumps(answer).decode())


def _fitting(answer: int | None) -> int | None:
    """A whole number as far as 64 bits hold it."""
    return answer if answer is not None and -(2**63) <= answer < 2**63 else None
