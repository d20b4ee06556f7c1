"""How the models stand, as plain data that one process can send to another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from speed.state import SpeedState

Standing = Mapping[str, Any]
"""Of one model: ``task``, ``metric``, ``champions`` so far, and the ``report`` of its `speed.learning.Learner`."""


def standings(state: SpeedState) -> dict[str, Standing]:
    """How every model stands that learns, by name."""
    return {
        name: {
            "task": learner.model.task,
            "metric": learner.model.metric,
            "champions": list(learner.champions),
            "report": learner.report(),
        }
        for name, learner in state.learners.items()
    }
