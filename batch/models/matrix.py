"""Training rows as numbers. Loads NumPy and Arrow: only tasks that train import it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from anabranch.feature_kinds import FeatureKind
from batch.models.encoding import Encoding

Matrix = np.ndarray[Any, np.dtype[np.float64]]
Labels = np.ndarray[Any, Any]
MOST_CATEGORIES = 10_000
"""Texts of a feature that are told apart: a manifest holds those of every version."""


@dataclass(frozen=True)
class TrainingMatrix:
    """Some rows of a training table, oldest first."""

    table: pa.Table
    kinds: Mapping[str, FeatureKind]

    @classmethod
    def read(cls, path: str, kinds: Mapping[str, FeatureKind]) -> TrainingMatrix:
        """All rows of a table."""
        return cls(pq.read_table(path, columns=["_label", *kinds]), kinds)

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def between(self, start: int, end: int) -> TrainingMatrix:
        """Rows ``start`` .. ``end``."""
        return TrainingMatrix(self.table.slice(start, end - start), self.kinds)

    def labels(self) -> Labels:
        """The label of each row: floats, booleans, integers, or texts as objects."""
        labels: Labels = self.table["_label"].to_numpy()
        return labels

    def encoding(self, most: int = MOST_CATEGORIES) -> Encoding:
        """The encoding for these rows.

        Parameters
        ----------
        most
            How many texts a feature may have; beyond, the rarest count as never seen.
        """
        texts = {name: frequent(self.counts(name), most) for name, kind in self.kinds.items() if kind == "text"}
        return Encoding(dict(self.kinds), texts)

    def matrix(self, encoding: Encoding) -> Matrix:
        """The features as numbers, `n_rows x n_features`, in the columns of an encoding."""
        found = np.empty((len(self), len(encoding.kinds)), dtype=np.float64, order="C")
        for column, (name, kind) in enumerate(encoding.kinds.items()):
            if name not in self.kinds or (kind == "text") != (self.kinds[name] == "text"):
                found[:, column] = np.nan
            elif kind == "text":
                found[:, column] = self._codes(name, encoding)
            else:
                found[:, column] = self.table[name].cast(pa.float64()).to_numpy()
        return found

    def _codes(self, name: str, encoding: Encoding) -> Matrix:
        encoded = self._encoded(name)
        place = np.array([*encoding.codes(name, encoded.dictionary.to_pylist()), np.nan])
        codes: Matrix = place[encoded.indices.fill_null(len(place) - 1).to_numpy()]
        return codes

    def counts(self, name: str) -> Counter[str]:
        """How often each text of a feature is there."""
        counted = pc.value_counts(self.table[name].drop_null()).to_pylist()
        return Counter({entry["values"]: entry["counts"] for entry in counted})

    def _encoded(self, name: str) -> pa.DictionaryArray:
        return self.table[name].combine_chunks().dictionary_encode()


def frequent(counts: Mapping[str, int], most: int) -> list[str]:
    """The most frequent texts, sorted.

    >>> frequent({"a": 1, "b": 3, "c": 3, "d": 4}, 2)
    ['b', 'd']
    """
    if len(counts) <= most:
        return sorted(counts)
    return sorted(sorted(counts, key=lambda text: (-counts[text], text))[:most])


def chunks(path: str, kinds: Mapping[str, FeatureKind], start: int, end: int) -> Iterator[TrainingMatrix]:
    """Rows ``start`` .. ``end`` of a table a row group at a time: for tables that do not fit into memory."""
    with pq.ParquetFile(path) as file:
        at = 0
        for group in range(file.num_row_groups):
            count = file.metadata.row_group(group).num_rows
            low, high = max(start - at, 0), min(end - at, count)
            if low < high:
                yield TrainingMatrix(file.read_row_group(group, columns=["_label", *kinds]), kinds).between(low, high)
            at += count
