"""What the system tells of itself in SQL."""

from __future__ import annotations

import duckdb
import pytest
from pydantic import BaseModel

from anabranch import App, Cut, agg
from eventlog.decisions import Publication
from serving.sql.relations.relations import relations
from serving.sql.relations.snapshot_contents import SnapshotContents
from serving.sql.relations.system_relations import PUBLICATION_TYPES


class Sale(BaseModel):
    product: str


@pytest.mark.parametrize("name", ["orders", "orders_batch"])
def test_only_the_batch_part_of_a_view_is_as_fresh_as_the_generation(name: str) -> None:
    app = App("shop")
    app.view(name, of=app.stream("sales", Sale), n=agg.count())
    freshness = relations(app, {})[-1]
    told = duckdb.connect().execute(freshness.source(SnapshotContents(end=7, batch_end=3))).fetchall()
    position_by_relation = {relation: position for relation, position, *_ in told}
    assert position_by_relation[f"view_{name}"] == "0:7"
    assert position_by_relation[f"view_{name}_batch"] == "0:3"


def test_generations_are_read_from_fields_that_a_publication_has() -> None:
    assert PUBLICATION_TYPES.keys() <= Publication(1, Cut((5,)), "", "r").event().keys()
