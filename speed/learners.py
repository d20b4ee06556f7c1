"""The learners of an application's models, as they are before the first event."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anabranch import App

if TYPE_CHECKING:
    from speed.learning.learner import Learner


def new_learners(app: App) -> dict[str, Learner]:
    """A learner that knows nothing for every model, by name.

    Raises
    ------
    DefinitionError
        If a model makes no learners that can be used.
    """
    if not app.models:
        return {}
    from speed.learning.learner import Learner  # River is large: only models pay for it

    return {name: Learner(model) for name, model in app.models.items()}
