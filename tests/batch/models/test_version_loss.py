"""What a version of a model costs on its holdout."""

from __future__ import annotations

import numpy as np
import pytest

from anabranch.metric import loss
from batch.models.version_loss import version_losses


def test_a_number_costs_what_its_metric_says() -> None:
    numbers = np.array([1.0, 3.0])
    assert version_losses("squared_error", numbers, [], [2.0, 1.0]).tolist() == [1.0, 4.0]
    assert version_losses("absolute_error", numbers, [], [2.0, 1.0]).tolist() == [1.0, 2.0]


def test_one_column_holds_the_probability_of_the_second_class() -> None:
    found = version_losses("log_loss", np.array([0.25, 1.0]), [False, True], [False, False])
    expected = [loss("log_loss", {False: 0.75, True: 0.25}, False), loss("log_loss", {False: 0.0, True: 1.0}, False)]
    assert found.tolist() == pytest.approx(expected, rel=1e-12)


def test_a_label_that_training_never_saw_costs_as_much_as_the_least_probability() -> None:
    found = version_losses("log_loss", np.array([[0.5, 0.5], [0.9, 0.1]]), ["a", "b"], ["b", "never seen"])
    expected = [loss("log_loss", {"a": 0.5, "b": 0.5}, "b"), loss("log_loss", {"a": 0.9, "b": 0.1}, "never seen")]
    assert found.tolist() == pytest.approx(expected, rel=1e-12)


def test_a_version_that_predicts_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="not finite"):
        version_losses("squared_error", np.array([np.nan]), [], [1.0])
