from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from anabranch.function import problem_of


class Callable:
    def __call__(self, event: object) -> None: ...


async def later(event: object) -> None: ...


def two(event: object, other: object) -> None: ...


@pytest.mark.parametrize(
    "function",
    [lambda e: e, lambda e, more=1: e, lambda *every: every, Callable(), partial(two, other=1), str, max],
)
def test_what_takes_the_argument_is_fine(function: Any) -> None:
    assert problem_of(function, "event") is None


@pytest.mark.parametrize(
    ("function", "problem"),
    [
        (None, "is not a function"),
        ("lambda e: e", "is not a function"),
        (later, "is async, and would never be awaited"),
        (lambda: 1, "cannot be called with (event): too many positional arguments"),
        (two, "cannot be called with (event): missing a required argument: 'other'"),
        (lambda *, event: event, "cannot be called with (event): too many positional arguments"),
    ],
)
def test_what_does_not_is_told_why(function: Any, problem: str) -> None:
    assert problem_of(function, "event") == problem
