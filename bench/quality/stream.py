"""A stream of the study: its file, its target, and its features as a features function would give them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Literal

import pyarrow.parquet

from bench.quality.example import Example, Features, replay

Row = dict[str, Any]


class Stream(ABC):
    """One pass over a data set: features of a row from the views as they stand, then the label into the views.

    Attributes
    ----------
    target
        What is predicted, in words.
    first, last
        Which rows of the file are taken.
    part
        What part of the file that is, if it is not the one that the study is made of.
    """

    file: ClassVar[str]
    target: ClassVar[str]
    task: ClassVar[Literal["regression", "binary", "multiclass"]]
    first: ClassVar[int] = 0
    last: ClassVar[int] = 120_000
    part: ClassVar[str] = ""

    def wanted(self, row: Row) -> bool:
        """Whether the row is an example at all."""
        return True

    @abstractmethod
    def label(self, row: Row) -> Any: ...

    def known(self, row: Row, time: float) -> float:
        """When the label is known: at once, unless the data say otherwise."""
        return time

    @abstractmethod
    def features(self, row: Row, time: float) -> Features: ...

    @abstractmethod
    def learn(self, row: Row, time: float, label: Any) -> None:
        """Fold the label into the views; `time` is when it is known."""

    def examples(self, data: Path) -> list[Example]:
        """The examples of the stream, in log order, each with what could be known at its time."""
        rows = [row for row in self.rows(data) if self.wanted(row)]
        times = [seconds(row["ts"]) for row in rows]
        known = [self.known(row, time) for row, time in zip(rows, times, strict=True)]
        examples: list[Example] = []
        for is_label, number in replay(times, known):
            row = rows[number]
            if is_label:
                self.learn(row, known[number], self.label(row))
            else:
                features = self.features(row, times[number])
                examples.append(Example(times[number], known[number], features, self.label(row)))
        return examples

    def rows(self, data: Path) -> Iterator[Row]:
        table = pyarrow.parquet.read_table(data / f"{self.file}.parquet")
        for batch in table.slice(self.first, self.last - self.first).to_batches(10_000):
            yield from batch.to_pylist()


def seconds(instant: datetime) -> float:
    return instant.timestamp()
