"""Features as numbers: what every estimator is given, in training and in predictions alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from anabranch.feature_kinds import FeatureKind
from anabranch.features import Features

if TYPE_CHECKING:
    import numpy as np

NAN = float("nan")
WORTH_COLUMNS = 16
"""Rows from which on they are encoded column by column, several times faster."""


@dataclass(frozen=True)
class Encoding:
    """How features become the columns of a matrix of floats. It is part of the version of a model.

    Numbers stay, booleans are 0 and 1, a text is its place among the texts of the training rows. What is missing, a
    text that training never saw, and a text where a number belongs are NaN.

    Attributes
    ----------
    kinds
        What each feature holds, by name, in the order of the columns.
    categories
        By name of a text feature, its texts.
    """

    kinds: Mapping[str, FeatureKind]
    categories: Mapping[str, Sequence[str]]
    _codes: list[tuple[str, dict[Any, float] | None]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        codes = [(name, self._codes_of(name) if kind == "text" else None) for name, kind in self.kinds.items()]
        object.__setattr__(self, "_codes", codes)

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Encoding:
        """Read it from a manifest."""
        return cls(data["kinds"], data["categories"])

    def data(self) -> dict[str, Any]:
        """What a manifest says of it."""
        return {
            "kinds": dict(self.kinds),
            "categories": {name: list(texts) for name, texts in self.categories.items()},
        }

    @property
    def texts(self) -> list[int]:
        """The columns that hold codes of texts."""
        return [column for column, kind in enumerate(self.kinds.values()) if kind == "text"]

    def matrix(self, rows: Sequence[Features]) -> np.ndarray:
        """The rows as a matrix, `n_rows x n_features`."""
        import numpy as np

        if len(rows) < WORTH_COLUMNS:
            encoded = [self._row(row) for row in rows]
            return np.array(encoded, dtype=np.float64).reshape(len(rows), len(self.kinds))
        matrix = np.empty((len(rows), len(self.kinds)))
        for column, (name, codes) in enumerate(self._codes):
            values: list[Any] = [row.get(name) for row in rows]
            if codes is not None:  # what is no text has no code
                matrix[:, column] = [codes.get(value, NAN) for value in values]
            elif str in map(type, values):  # NumPy would read a number in it
                matrix[:, column] = [NAN if value is None or type(value) is str else value for value in values]
            else:  # NumPy takes None for NaN
                matrix[:, column] = values
        return matrix

    def codes(self, name: str, texts: Iterable[str | None]) -> list[float]:
        """Texts of a feature as their codes."""
        codes = self._codes_of(name)
        return [NAN if text is None else codes.get(text, NAN) for text in texts]

    def _codes_of(self, name: str) -> dict[Any, float]:
        return {text: float(code) for code, text in enumerate(self.categories[name])}

    def _row(self, row: Features) -> list[float]:
        found = []
        for name, codes in self._codes:
            value = row.get(name)
            if codes is not None:
                found.append(codes.get(value, NAN) if type(value) is str else NAN)
            else:
                found.append(NAN if value is None or type(value) is str else float(value))
        return found
