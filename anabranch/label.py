"""A label that arrives later, in another stream."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

from anabranch.duration import duration_us
from anabranch.errors import DefinitionError
from anabranch.stream import Stream


@dataclass(frozen=True, eq=False)
class Label:
    """A field of another stream that says, later, what the outcome was.

    A label belongs to every example of the same join key whose event time is at most `within` away from its own; it may
    come before its example. Which of several labels counts:

    - the *batch* layer knows all of them: the newest in the log that is in time,
    - the *speed* layer learns from the first one that comes, and counts a later one as a correction.

    An example is closed when the log's clock (the newest event time of both streams) has passed its time by more
    than `within`. If no label came until then, `missing` is its label; without `missing` nobody learns from it.

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

    @property
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
