"""Features as numbers, as a prediction has them: many rows are encoded as each of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from anabranch.feature_kinds import FeatureKind
from batch.models.encoding import Encoding

KINDS: dict[str, FeatureKind] = {"size": "number", "open": "boolean", "place": "text"}

ODD = st.fixed_dictionaries(
    {},
    optional={
        "size": st.none()
        | st.floats(allow_nan=False)
        | st.integers(-9, 9)
        | st.booleans()
        | st.sampled_from(["3", "x"]),
        "open": st.none() | st.booleans() | st.sampled_from(["1", 0.5]),
        "place": st.none() | st.sampled_from(["A", "B", "C", 1, True]),
    },
)


@given(st.lists(ODD, min_size=1, max_size=40))
def test_many_rows_are_encoded_as_each_of_them(rows: list[dict[str, Any]]) -> None:
    encoding = Encoding(KINDS, {"place": ["A", "B"]})
    one_by_one = np.concatenate([encoding.matrix([row]) for row in rows])
    np.testing.assert_array_equal(encoding.matrix(rows), one_by_one)


def test_what_is_missing_unseen_or_of_another_kind_is_not_a_number() -> None:
    encoding = Encoding(KINDS, {"place": ["A", "B"]})
    found = encoding.matrix(
        [
            {"size": 2, "open": True, "place": "B"},
            {"size": None, "open": None, "place": None},
            {"size": "text", "open": "yes", "place": "C"},
            {"size": True, "open": 0.5, "place": 1},
            {"more": 1},
        ]
    )
    nan = np.nan
    np.testing.assert_array_equal(found, [[2, 1, 1], [nan] * 3, [nan] * 3, [1, 0.5, nan], [nan] * 3])
