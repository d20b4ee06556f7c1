"""What every aggregate is: a commutative monoid with a true zero, whose state is plain data.

All that the layers know of an aggregate they ask of its class: how it folds and merges, how it is packed, what SQL does
the same, what analysts see of it, how far it may be off, and how it is judged.
"""

from __future__ import annotations

import copy
import marshal
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

from anabranch.agg.error_bound import ErrorBound
from anabranch.agg.judgement import Judgement, equal, within
from anabranch.agg.plain import restored
from anabranch.errors import DefinitionError
from anabranch.events import Order
from anabranch.field import Field, Kind
from anabranch.function import problem_of

State = Any
"""The state of one aggregate in one tile. Only the aggregate that made it looks inside."""
SqlType = Literal["BIGINT", "DOUBLE", "VARCHAR", "BOOLEAN", "BLOB"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of an aggregate's packed state: its suffix and its SQL type."""

    name: str
    type: SqlType


class Aggregate(ABC):
    """A function of many values that can be computed in parts.

    The laws, held by ``tests/laws``: `merge` is associative and commutative; `zero` is neutral; folding a list of
    values equals merging the folds of any split of it; ``unpack(pack(state))`` is the same state; the SQL forms
    equal the fold; what SQL presents equals `present`; `judge` calls every answer of the fold right.

    Parameters
    ----------
    field
        The name of the field whose values are aggregated; None where the events themselves are. Missing values
        (None) are passed over, as in SQL.
    where
        A function of the event: only events for which it is true count.

    Raises
    ------
    DefinitionError
        If an argument makes no sense. So does every subclass for its own parameters.
    """

    kinds: ClassVar[frozenset[Kind]] = frozenset({"integer", "number", "boolean", "text", "instant"})
    """The kinds of field it takes."""
    wants: ClassVar[str] = "a plain value"
    """`kinds` as a person would say it."""
    ordered: ClassVar[bool] = False
    """Whether `add` looks at the order of the event."""
    immutable: ClassVar[bool] = False
    """Whether its states never change: `add` and `merge` always return others."""
    fieldless: ClassVar[bool] = False
    """Whether it can do without a field, and then takes the events themselves."""
    bound: ErrorBound | None = None
    """How far the answer of a sketch may be off; None where it is exact, but for the rounding of floats."""

    def __init__(self, field: str | None = None, *, where: Callable[[Any], object] | None = None):
        self.field = field
        self.where = where
        self.kind: Kind = "other"
        if not isinstance(field, str) and (field is not None or not self.fieldless):
            raise self._refusal(f"{field!r} is not the name of a field", 'Write it as text, like "minutes"')
        if where is not None and (problem := problem_of(where, "event")):
            raise self._refusal(f"where={where!r} {problem}", "Write where=lambda e: ...")

    def bind(self, place: str, field: Field | None, location: str | None) -> Self:
        """This aggregate over a field of known kind; raises `DefinitionError` if it cannot take that kind."""
        bound = copy.copy(self)
        if field is not None:
            if field.kind not in self.kinds:
                raise DefinitionError(
                    place,
                    f"{type(self).__name__}({field.name!r}) needs {self.wants}, and {field.name} is {field.kind}",
                    f"Take a field that is {' or '.join(sorted(self.kinds))}",
                    location,
                )
            bound.kind = field.kind
        return bound

    @property
    def parameters(self) -> tuple[object, ...]:
        """What, besides field and where, makes this aggregate differ from another of its class."""
        return ()

    @property
    def error(self) -> str | None:
        """`bound` as a sentence."""
        return None if self.bound is None else str(self.bound)

    # the monoid

    @abstractmethod
    def zero(self) -> State:
        """The state of no values at all."""

    @abstractmethod
    def add(self, state: State, value: Any, order: Order) -> State:
        """The state with one value more. It may change `state` in place and return it."""

    @abstractmethod
    def merge(self, state: State, other: State) -> State:
        """The state of the values of both. It may change `state` in place and return it; `other` stays as it is."""

    def copied(self, state: State) -> State:
        """The same state, which shares nothing that may change with this one.

        An aggregate overrides it where it knows a quicker way than this one, which takes any plain data.
        """
        return marshal.loads(marshal.dumps(state))

    @abstractmethod
    def present(self, state: State) -> Any:
        """The answer, as a JSON value."""

    def present_merged(self, state: State, other: State) -> Any:
        """``present(merge(state, other))``, which leaves both states as they are: what a feature is made of.

        An aggregate overrides it where it can be done without making a third state. To the bit the same.
        """
        return self.present(self.merge(self.merge(self.zero(), state), other))

    def fold(self, slot: int, tiles: Sequence[list[State]], values: Sequence[Any], orders: Sequence[Order]) -> None:
        """Add ``values[i]`` to ``tiles[i][slot]`` for every i whose value is not None.

        The same as `add` in a loop. An aggregate overrides it where a tighter loop pays: this is the hottest code.
        """
        add = self.add
        if self.ordered:
            for tile, value, order in zip(tiles, values, orders, strict=True):
                if value is not None:
                    tile[slot] = add(tile[slot], value, order)
        else:
            for tile, value in zip(tiles, values, strict=True):
                if value is not None:
                    tile[slot] = add(tile[slot], value, _NO_ORDER)

    # packed: as columns of a table

    @property
    @abstractmethod
    def columns(self) -> tuple[Column, ...]:
        """The columns of the packed state."""

    @abstractmethod
    def pack(self, state: State) -> tuple[Any, ...]:
        """The state as one plain value a column."""

    @abstractmethod
    def unpack(self, packed: Sequence[Any]) -> State:
        """The state that was packed."""

    # SQL: the same in DuckDB, over many events at once

    def fold_sql(self, value: str, order: str) -> tuple[str, ...] | None:
        """One DuckDB aggregate expression a packed column, over events; None where there is none.

        Parameters
        ----------
        value
            SQL of the field's plain value (an instant as BIGINT microseconds). For an aggregate without a field,
            ``1``. It may be NULL, which is passed over.
        order
            SQL of a struct of three BIGINT that stands for `Order`: event time, partition, offset, in this order.
        """
        return None

    def merge_sql(self, columns: Sequence[str]) -> tuple[str, ...] | None:
        """One DuckDB aggregate expression a packed column, over packed states; None where only `merge` can.

        An aggregate that has no `merge_sql` has exactly one column, of type BLOB.
        """
        return None

    def gather_sql(self, value: str, order: str) -> str:
        """A DuckDB aggregate expression that gathers what `gathered` needs, where there is no `fold_sql`.

        It is never NULL. As it is here: all values, with their orders if the aggregate is `ordered`. An aggregate
        overrides it where less will do. Arguments as of `fold_sql`.
        """
        item = f"struct_pack(value := {value}, place := {order})" if self.ordered else value
        return f"coalesce(list({item}) FILTER (({value}) IS NOT NULL), [])"

    def gathered(self, found: Any) -> State:
        """The state of what `gather_sql` found in one tile."""
        state = self.zero()
        for item in found:
            value, order = (item["value"], tuple(item["place"].values())) if self.ordered else (item, _NO_ORDER)
            state = self.add(state, restored(self.kind, value), order)
        return state

    # what analysts see: a column of answers

    @property
    @abstractmethod
    def sql_type(self) -> str:
        """The DuckDB type of the answer: a plain type, a list of one, or what JSON can be cast to, like a STRUCT."""

    def present_sql(self, columns: Sequence[str]) -> str | None:
        """SQL of the answer over the packed columns, of type `sql_type`; None where only `present` can."""
        return None

    # judged: the answer once more, from the values. It calls none of the methods above (see `judgement`)

    def evidence_sql(self, value: str, order: str) -> str:
        """A DuckDB aggregate expression that gathers what `reference` needs of one tile.

        As it is here: the values that are not NULL, in the order of their events if the aggregate is `ordered`; NULL
        where there are none. An aggregate overrides it where less will do. Arguments as of `fold_sql`.
        """
        listed = f"{value} ORDER BY {order}" if self.ordered else value
        return f"list({listed}) FILTER ({value} IS NOT NULL)"

    @abstractmethod
    def reference(self, evidence: Any) -> Any:
        """The right answer, by the shortest plain Python, for what `evidence_sql` found."""

    def judge(self, evidence: Any, found: Any) -> Judgement:
        """Whether an answer is right: that of `reference`, or as near to it as `bound` says."""
        expected = self.reference(evidence)
        return equal(expected, found) if self.bound is None else within(expected, found, self.bound.limit)

    # definition

    def _refusal(self, problem: str, remedy: str) -> DefinitionError:
        """The error of a parameter that makes no sense, located at the line that wrote it."""
        name = type(self).__name__
        frame = sys._getframe(1)
        while frame.f_back is not None and frame.f_globals.get("__package__") == __package__:
            frame = frame.f_back
        return DefinitionError(f"agg.{name}", problem, remedy, f"{frame.f_code.co_filename}:{frame.f_lineno}")


_NO_ORDER: Order = (0, 0, 0)
