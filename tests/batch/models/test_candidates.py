"""What a `batch` function may return, and what its candidates are called."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sklearn.linear_model import Lasso, Ridge

from batch.models.candidates import candidates
from tests.batch.models import model_application


def made(batch: Callable[[], Any]) -> dict[str, Any]:
    return candidates(replace(model_application.app.models["duration"], batch=batch))


def names(returned: Any) -> list[str]:
    return list(made(lambda: returned))


def test_candidates_have_names() -> None:
    assert names(Ridge()) == ["Ridge"]
    assert names([Ridge(), Lasso(), Ridge(2.0)]) == ["Ridge", "Lasso", "Ridge-2"]
    assert names((Ridge(), Ridge(), Ridge())) == ["Ridge", "Ridge-2", "Ridge-3"]
    assert names({"one": Ridge(), "two": Lasso()}) == ["one", "two"]
    assert names({1: Ridge()}) == ["1"]


def test_each_time_they_are_fresh() -> None:
    def batch() -> Any:
        return Ridge()

    assert made(batch)["Ridge"] is not made(batch)["Ridge"]


@pytest.mark.parametrize("returned", [None, 7, "Ridge", {"a": Ridge}, {"a": Ridge(), "b": object()}, [], {}, ()])
def test_what_is_no_estimator_is_refused(returned: Any) -> None:
    if returned == {"a": Ridge}:  # a class has a `fit`, too: it fails when it is fitted, and by itself
        assert names(returned) == ["a"]
        return
    with pytest.raises(TypeError, match="batch="):
        names(returned)


def test_what_the_function_raises_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        made(lambda: 1 // 0)
