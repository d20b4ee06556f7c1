"""The sum of many values, in two ways: exact for whole numbers, compensated for floats. `sum` and `mean` share it.

The state is a list, changed in place, that begins with the total's own cells; whoever uses a total may keep more
behind them (`mean` keeps its count there). This is the only place that knows the arithmetic.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from math import inf, isfinite
from typing import Any

from anabranch.agg.aggregate import Column
from anabranch.field import Kind


class Total(ABC):
    """How to sum the values of one kind of field."""

    columns: tuple[Column, Column]

    @abstractmethod
    def zero(self) -> list[Any]:
        """The cells of no value at all, fresh."""

    @abstractmethod
    def add(self, state: list[Any], value: Any) -> None:
        """Add one value to `state`."""

    @abstractmethod
    def fold(self, slot: int, tiles: Sequence[list[Any]], values: Sequence[Any]) -> None:
        """Add ``values[i]`` to ``tiles[i][slot]`` for every i whose value is not None: `add` in a loop, to the bit."""

    def fold_counting(self, slot: int, tiles: Sequence[list[Any]], values: Sequence[Any]) -> None:
        """`fold`, which also counts the values in the last cell of each state."""
        for tile, value in zip(tiles, values, strict=True):
            if value is not None:
                self.add(tile[slot], value)
                tile[slot][-1] += 1

    @abstractmethod
    def merge(self, state: list[Any], other: Sequence[Any]) -> None:
        """Add the total of `other` to that of `state`."""

    @abstractmethod
    def value(self, state: Sequence[Any]) -> Any:
        """The sum; None where it is beyond the range of a float."""

    @abstractmethod
    def merged_value(self, state: Sequence[Any], other: Sequence[Any]) -> Any:
        """What `value` says of the merge of both, to the bit; both stay as they are."""

    @abstractmethod
    def pack(self, state: Sequence[Any]) -> tuple[Any, Any]:
        """The two columns."""

    @abstractmethod
    def unpack(self, packed: Sequence[Any]) -> list[Any]:
        """The cells that were packed, fresh."""

    @abstractmethod
    def fold_sql(self, value: str) -> tuple[str, str]:
        """The DuckDB aggregate expressions over values."""

    @abstractmethod
    def merge_sql(self, columns: Sequence[str]) -> tuple[str, str]:
        """The DuckDB aggregate expressions over packed totals."""

    @abstractmethod
    def value_sql(self, columns: Sequence[str]) -> str:
        """SQL of `value` over a packed total: a HUGEINT of whole numbers, a DOUBLE of floats."""


class ExactTotal(Total):
    """The sum of whole numbers, as a Python integer of any size.

    Packed, it is ``hi * 2**32 + lo``: each half of many 64-bit values sums without overflow in a BIGINT.
    """

    columns = (Column("hi", "BIGINT"), Column("lo", "BIGINT"))

    def zero(self) -> list[Any]:
        return [0]

    def add(self, state: list[Any], value: int) -> None:
        state[0] += value

    def fold(self, slot: int, tiles: Sequence[list[Any]], values: Sequence[Any]) -> None:
        for tile, value in zip(tiles, values, strict=True):
            if value is not None:
                tile[slot][0] += value

    def merge(self, state: list[Any], other: Sequence[Any]) -> None:
        state[0] += other[0]

    def value(self, state: Sequence[Any]) -> int:
        total: int = state[0]
        return total

    def merged_value(self, state: Sequence[Any], other: Sequence[Any]) -> int:
        total: int = state[0] + other[0]
        return total

    def pack(self, state: Sequence[Any]) -> tuple[int, int]:
        return state[0] >> 32, state[0] & 0xFFFFFFFF

    def unpack(self, packed: Sequence[Any]) -> list[Any]:
        return [(packed[0] << 32) + packed[1]]

    def fold_sql(self, value: str) -> tuple[str, str]:
        whole = f"({value})::BIGINT"
        return f"coalesce(sum({whole} >> 32), 0)::BIGINT", f"coalesce(sum({whole} & 4294967295), 0)::BIGINT"

    def merge_sql(self, columns: Sequence[str]) -> tuple[str, str]:
        return f"coalesce(sum({columns[0]}), 0)::BIGINT", f"coalesce(sum({columns[1]}), 0)::BIGINT"

    def value_sql(self, columns: Sequence[str]) -> str:
        return f"({columns[0]}::HUGEINT * 4294967296 + {columns[1]})"


class CompensatedTotal(Total):
    """The sum of floats and, beside it, the sum of what rounding lost: accurate to a few ulps of the sum of magnitudes.

    The error-free transformation is TwoSum (Knuth, TAOCP 2, section 4.2.2, theorem B), which needs no branch; adding
    up the errors is Neumaier's (ZAMM 54, 1974). A sum that leaves the range of a float, even on the way, is lost: it
    stays infinite and has no value.

    `add` is its one home. The folds and `merged_value` have it in line once more, for this is the hottest code of the
    speed layer and a call costs more than the arithmetic: a fold of `sum` took 30 % longer with `add` in the loop, and
    60 % with TwoSum as a function of both results. A law holds them equal to `add` and `merge`, to the bit.
    """

    columns = (Column("hi", "DOUBLE"), Column("lo", "DOUBLE"))

    def zero(self) -> list[Any]:
        return [0.0, 0.0]

    def add(self, state: list[Any], value: float) -> None:
        high = state[0]
        total = high + value
        part = total - high
        state[0] = total
        state[1] += (high - (total - part)) + (value - part)

    def fold(self, slot: int, tiles: Sequence[list[Any]], values: Sequence[Any]) -> None:
        for tile, value in zip(tiles, values, strict=True):
            if value is not None:  # add, in line
                state = tile[slot]
                high = state[0]
                total = high + value
                part = total - high
                state[0] = total
                state[1] += (high - (total - part)) + (value - part)

    def fold_counting(self, slot: int, tiles: Sequence[list[Any]], values: Sequence[Any]) -> None:
        for tile, value in zip(tiles, values, strict=True):
            if value is not None:  # add, in line
                state = tile[slot]
                high, low, n = state
                total = high + value
                part = total - high
                state[0] = total
                state[1] = low + ((high - (total - part)) + (value - part))
                state[2] = n + 1

    def merge(self, state: list[Any], other: Sequence[Any]) -> None:
        high, value = state[0], other[0]  # add, in line
        total = high + value
        part = total - high
        state[0] = total
        state[1] = state[1] + ((high - (total - part)) + (value - part)) + other[1]

    def value(self, state: Sequence[Any]) -> float | None:
        total: float = state[0] + state[1]
        return total if isfinite(total) else None

    def merged_value(self, state: Sequence[Any], other: Sequence[Any]) -> float | None:
        high, value = state[0], other[0]  # merge, in line
        total = high + value
        part = total - high
        total += state[1] + ((high - (total - part)) + (value - part)) + other[1]
        return total if isfinite(total) else None

    def pack(self, state: Sequence[Any]) -> tuple[float, float]:
        # NaN must not go into a table: SQLite would make it NULL
        return (state[0], state[1]) if isfinite(state[0] + state[1]) else (inf, 0.0)

    def unpack(self, packed: Sequence[Any]) -> list[Any]:
        return [packed[0], packed[1]]

    def fold_sql(self, value: str) -> tuple[str, str]:
        return _finite_sum(f"({value})::DOUBLE"), f"(count({value}) * 0.0)::DOUBLE"

    def merge_sql(self, columns: Sequence[str]) -> tuple[str, str]:
        return _finite_sum(columns[0]), f"coalesce(fsum({columns[1]}), 0.0)"

    def value_sql(self, columns: Sequence[str]) -> str:
        return finite_sql(f"{columns[0]} + {columns[1]}")


def finite_sql(value: str) -> str:
    """SQL of a float, or NULL where it is infinite or no number."""
    return f"CASE WHEN isfinite({value}) THEN {value} END"


def _finite_sum(value: str) -> str:
    """SQL of a compensated sum: 0 of nothing, infinity where `fsum` left the range of a float (it then gives NaN)."""
    return f"CASE WHEN isfinite(coalesce(fsum({value}), 0.0)) THEN coalesce(fsum({value}), 0.0) ELSE 'inf'::DOUBLE END"


_EXACT, _COMPENSATED = ExactTotal(), CompensatedTotal()


def total_of(kind: Kind) -> Total:
    """The way to sum the values of a kind of field."""
    return _COMPENSATED if kind == "number" else _EXACT
