"""A label that arrives later, in another stream, and the rule by which it belongs to an example.

The rule has its home here, in the forms that the layers need: Python for the speed layer's join, SQL for the batch
layer's training table and for ``predictions``. A test runs one table of cases through all three.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from functools import cached_property
from typing import Any

from anabranch.duration import duration_us
from anabranch.errors import DefinitionError
from anabranch.stream import Stream


@dataclass(frozen=True, eq=False)
class Label:
    """A field of another stream that says, later, what the outcome was.

    A label is *in time* for every example of the same join key whose event time is at most `within` away from its own;
    it may come before its example. Of several that are in time, the newest in the log counts, whatever their times. An
    example is *closed* when the clock (the newest event time of both streams so far) has passed its time by more than
    `within`. If no label was in time until then, `missing` is its label; without `missing` it has none.

    Both layers go by this rule. They differ in when they know of a label: the *batch* layer joins anew in every run,
    and so takes also the one that comes after the example was closed. The *speed* layer learns from the first one that
    comes while the example is open, counts another one as a correction, and does not wait for what comes after.

    Parameters
    ----------
    stream
        The stream that brings the labels; it needs a ``time=`` field, as the examples' does.
    field
        Its field with the label.
    join
        The field that both streams share; or a pair, the field of the example and the field of the label.
    within
        How much later than its example, in event time, a label may be, like ``"6h"``.
    missing
        The label of an example for which none came in time; None: it has none.

    >>> from pydantic import BaseModel
    >>> class Click(BaseModel):
    ...     impression: str
    ...     clicked: bool
    >>> clicks = Stream("clicks", Click)
    >>> Label(clicks, field="clicked", join="impression", within="6h", missing=False).example_field
    'impression'
    """

    stream: Stream
    _: KW_ONLY
    field: str
    join: str | tuple[str, str]
    within: str
    missing: bool | float | str | None = None

    def __post_init__(self) -> None:
        where = "Label"
        if not isinstance(self.stream, Stream):
            raise DefinitionError(where, f"{self.stream!r} is not a stream", "Pass what app.stream(...) returned")
        if not isinstance(self.join, str) and not (isinstance(self.join, tuple) and len(self.join) == 2):
            raise DefinitionError(where, f"join={self.join!r} names no fields", 'Write join="id" or join=("id", "of")')
        for name in (self.field, self.label_field):
            if name not in self.stream.fields:
                known = ", ".join(self.stream.fields)
                raise DefinitionError(where, f"{name!r} is not a field of {self.stream.name}", f"Take one of: {known}")
        try:
            duration_us(self.within)
        except (ValueError, TypeError) as error:
            raise DefinitionError(where, f"within={self.within!r} is no duration", str(error)) from None

    # the rule

    def is_in_time(self, example_us: int, label_us: int) -> bool:
        """Whether a label belongs to an example of its key, by the event times of both."""
        return abs(label_us - example_us) <= self.within_us

    def in_time_sql(self, example: str, label: str) -> str:
        """SQL of `is_in_time`, of expressions in microseconds."""
        return f"abs(({label}) - ({example})) <= {self.within_us}"

    def closes_us(self, example_us: int) -> int:
        """The last moment of the clock at which an example is still open."""
        return example_us + self.within_us

    def closed_sql(self, example: str, clock_us: int) -> str:
        """SQL of whether an example is closed at a moment of the clock."""
        return f"({example}) + {self.within_us} < {clock_us}"

    def forgotten_us(self, label_us: int) -> int:
        """The last moment of the clock at which an open example may still come for which a label is in time.

        Twice `within`: the oldest example that is still open is `within` behind the clock, and its label may be older
        by as much again.
        """
        return label_us + 2 * self.within_us

    @cached_property
    def within_us(self) -> int:
        """`within` in microseconds."""
        return duration_us(self.within)

    @property
    def example_field(self) -> str:
        """The field of the example that is joined."""
        return self.join if isinstance(self.join, str) else self.join[0]

    @property
    def label_field(self) -> str:
        """The field of the label's event that is joined."""
        return self.join if isinstance(self.join, str) else self.join[1]


def join_text(value: Any) -> str | None:
    """A value of a field that joins, as both sides write it: their types may differ. None: it joins nothing.

    >>> join_text(17), join_text("17"), join_text(None)
    ('17', '17', None)
    """
    return None if value is None else str(value)
