"""How far the answer of a sketch may be off, as numbers; the sentence that people read is made of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class ErrorBound:
    """How far an answer may be off.

    Attributes
    ----------
    share
        The largest error, as a share of what `of` names: 0.01 is one per cent.
    of
        ``answer``: of the exact answer, upwards or downwards. ``values``: of the number of all values in the tile, and
        upwards only.
    exact_up_to
        As long as a tile has no more different values than this, the answer is exact.
    confidence
        In what share of cases the bound holds; 1: always.

    >>> str(ErrorBound(0.01))
    'within 1.00% of the exact answer'
    >>> str(ErrorBound(0.03125, exact_up_to=4096, confidence=0.95))
    'exact up to 4,096 different values; beyond, within 3.12% of the exact answer in 95 of 100 cases'
    >>> str(ErrorBound(0.002, of="values"))
    'too high by at most 0.20% of all values, and never too low'
    """

    share: float
    of: Literal["answer", "values"] = "answer"
    exact_up_to: int = 0
    confidence: float = 1.0

    @property
    def limit(self) -> float:
        """Beyond this share an answer is called wrong.

        A bound that holds in 95 of 100 cases is two standard deviations; held against thousands of tiles it would blame
        one good answer in twenty. At twice the bound, four standard deviations, it is one in 16,000.
        """
        return self.share if self.confidence == 1 else 2 * self.share

    def __str__(self) -> str:
        if self.of == "answer":
            error = f"within {self.share:.2%} of the exact answer"
        else:
            error = f"too high by at most {self.share:.2%} of all values, and never too low"
        if self.confidence < 1:
            error += f" in {100 * self.confidence:g} of 100 cases"
        return f"exact up to {self.exact_up_to:,} different values; beyond, {error}" if self.exact_up_to else error
