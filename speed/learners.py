"""The learners of an application's models, as they are before they have met an event."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from anabranch import App
from anabranch.watermarks import newest_of

if TYPE_CHECKING:
    from speed.learning.learner import Learner

NOTHING_SEEN: Mapping[str, int] = MappingProxyType({})


def new_learners(app: App, watermarks: Mapping[str, int] = NOTHING_SEEN) -> dict[str, Learner]:
    """A learner that knows nothing for every model, by name.

    Parameters
    ----------
    watermarks
        The newest event times where they begin, in microseconds by stream: a learner may begin behind the beginning of
        the log, and what comes too late for others comes too late for it.

    Raises
    ------
    DefinitionError
        If a model makes no learners that can be used.
    """
    if not app.models:
        return {}
    from speed.learning.learner import Learner  # River is large: only models pay for it

    learners = {name: Learner(model) for name, model in app.models.items()}
    for learner in learners.values():
        if learner.join is not None:
            streams = (learner.model.on.name, learner.join.definition.stream.name)
            learner.join.clock = newest_of(watermarks, streams)
    return learners
