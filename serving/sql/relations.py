"""All relations of an application."""

from __future__ import annotations

from collections.abc import Mapping

from anabranch import App
from serving.sql import of_events, of_predictions, of_system, of_views
from serving.sql.relation import Relation


def relations(app: App, features: Mapping[str, str]) -> list[Relation]:
    """What analysts of an application see.

    Parameters
    ----------
    features
        The SQL type of every feature that is known, by name.
    """
    found = [of_events.relation(stream) for stream in app.streams.values()]
    for view in app.views.values():
        found += of_views.relations(view)
    found += [of_predictions.relation(app, features), *of_system.relations()]
    return [*found, of_system.freshness(found)]
