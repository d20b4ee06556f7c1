"""All relations of an application."""

from __future__ import annotations

from collections.abc import Mapping

from anabranch import App
from serving.sql.relations import events_relation, predictions_relation, system_relations, view_relations
from serving.sql.relations.relation import Relation


def relations(app: App, features: Mapping[str, str]) -> list[Relation]:
    """What analysts of an application see.

    Parameters
    ----------
    features
        The SQL type of every feature that is known, by name.
    """
    found = [events_relation.relation(stream) for stream in app.streams.values()]
    for view in app.views.values():
        found += view_relations.relations(view)
    found += [predictions_relation.relation(app, features), *system_relations.relations()]
    return [*found, system_relations.freshness(found)]
