"""What every aggregate has in common."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from anabranch import agg
from tests.anabranch.agg.folding import folded, over


@pytest.mark.parametrize("name", ["distinct", "top", "quantile", "collect", "histogram"])
def test_gathered_takes_what_arrow_and_numpy_make_of_values(name: str) -> None:
    numpy = pytest.importorskip("numpy")
    arguments: dict[str, list[Any]] = {"quantile": [0.5], "histogram": [[2]]}
    aggregate = over("integer", getattr(agg, name)("field", *arguments.get(name, [])))
    values = [1, 2, 2, 3]
    right = aggregate.present(folded(aggregate, values))
    as_pairs: Any = list(Counter(numpy.array(values).tolist()).items())
    as_numpy: Any = {numpy.int64(value): numpy.uint64(count) for value, count in as_pairs}
    forms: dict[str, list[Any]] = {
        "distinct": [numpy.array([1, 2, 3]), [1, 2, 3]],
        "collect": [numpy.array([1, 2, 3]), [1, 2, 3]],
        "histogram": [numpy.array([1, 3]), [1, 3]],
    }
    for form in forms.get(name, [as_pairs, as_numpy]):
        assert aggregate.present(aggregate.gathered(form)) == right
