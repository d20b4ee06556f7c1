"""What the system knows of itself: generations, models, batch runs, rejected events, and how fresh all of it is.

`generations` is read from the system's own events; the others are small tables, which `tables` writes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from anabranch import SYSTEM, Cut
from batch.duckdb_session import literal
from eventlog.decisions import Publication
from serving.sql.relations.events_relation import DATA, PLACE, records
from serving.sql.relations.relation import Relation, RelationColumn, rows_of
from serving.sql.relations.snapshot_contents import SnapshotContents

_VERSIONS = (
    RelationColumn("model", "VARCHAR", "The name of the model"),
    RelationColumn("version", "BIGINT", "The number of the generation that trained it"),
    RelationColumn("status", "VARCHAR", "champion: predicts now; retired: did once; rejected: lost to the champion"),
    RelationColumn("task", "VARCHAR", "regression, binary or multiclass"),
    RelationColumn("metric", "VARCHAR", "The loss by which everything is compared"),
    RelationColumn("candidate", "VARCHAR", "Which of the estimators it is"),
    RelationColumn("cut", "VARCHAR", "It was trained on events before this cut"),
    RelationColumn("rows", "BIGINT", "On how many examples it was trained"),
    RelationColumn("holdout_loss", "DOUBLE", "Its mean loss on the examples held out"),
    RelationColumn("holdout_rows", "BIGINT", "How many were held out"),
    RelationColumn("incumbent_loss", "DOUBLE", "The mean loss of the champion of that time on the same examples"),
)
_SCORES = (
    RelationColumn("model", "VARCHAR", "The name of the model"),
    RelationColumn("expert", "VARCHAR", "batch, a model of the speed layer, or blend: what is answered"),
    RelationColumn("loss", "DOUBLE", "Mean loss since the start, every example predicted before it was learnt from"),
    RelationColumn("recent", "DOUBLE", "The same over the last 1,000 examples"),
    RelationColumn("count", "BIGINT", "On how many examples"),
    RelationColumn("weight", "DOUBLE", "Its weight in the blend; NULL for the blend itself"),
    RelationColumn("diverged", "BOOLEAN", "Whether its predictions keep leaving the range of labels"),
    RelationColumn("clipped", "BIGINT", "How many of its predictions did"),
)
_HISTORY = (
    RelationColumn("model", "VARCHAR", "The name of the model"),
    RelationColumn("time", "TIMESTAMPTZ", "The event time of the first of these examples"),
    RelationColumn("count", "BIGINT", "How many examples"),
    RelationColumn("version", "BIGINT", "The champion at their end"),
    RelationColumn("expert", "VARCHAR", "batch, a model of the speed layer, or blend"),
    RelationColumn("loss", "DOUBLE", "Its mean loss on these examples"),
    RelationColumn("weight", "DOUBLE", "Its weight in the blend at their end; NULL for the blend itself"),
)
_RUNS = (
    RelationColumn("run", "VARCHAR", "The id of the run"),
    RelationColumn("status", "VARCHAR", "running, published, failed, or abandoned: its process died"),
    RelationColumn("full", "BOOLEAN", "Whether it recomputed everything from the raw log"),
    RelationColumn("started", "TIMESTAMPTZ", "When it began"),
    RelationColumn("finished", "TIMESTAMPTZ", "When it ended; NULL: it has not"),
    RelationColumn("seconds", "DOUBLE", "How long it took, or has been going on"),
    RelationColumn("cut", "VARCHAR", "It covers every event before this cut"),
    RelationColumn("generation", "BIGINT", "What it published"),
    RelationColumn("events", "BIGINT", "How many records it folded"),
    RelationColumn("stage", "VARCHAR", "The stage that it is in"),
    RelationColumn(
        "stages", 'STRUCT("name" VARCHAR, done BIGINT, total BIGINT, seconds DOUBLE)[]', "The stages it has begun"
    ),
    RelationColumn("error", "VARCHAR", "Why it failed"),
)
_REJECTED = (
    RelationColumn("id", "BIGINT", "Grows with every rejected event"),
    RelationColumn("stream", "VARCHAR", "The stream that it was posted to"),
    RelationColumn("received", "TIMESTAMPTZ", "When it came; the first, where several came that are identical"),
    RelationColumn("last", "TIMESTAMPTZ", "When the newest of them came"),
    RelationColumn("count", "BIGINT", "How many they are"),
    RelationColumn("retried", "TIMESTAMPTZ", "When a retry brought it into the log; NULL: it waits"),
    RelationColumn("errors", 'STRUCT("field" VARCHAR, message VARCHAR, "type" VARCHAR)[]', "Why it was rejected"),
    RelationColumn("body", "VARCHAR", "The event as it came"),
)
_GENERATIONS = (
    RelationColumn("generation", "BIGINT", "Its number; NULL in no row"),
    RelationColumn("run", "VARCHAR", "The batch run that published it"),
    RelationColumn("cut", "VARCHAR", "It covers every record before this cut"),
    RelationColumn("records", "BIGINT", "How many records of the log that is"),
    RelationColumn("published", "TIMESTAMPTZ", "When it was published"),
    RelationColumn("promoted", "MAP(VARCHAR, BIGINT)", "The versions that became champions with it, by model"),
    RelationColumn("current", "BOOLEAN", "Whether it answers now for the batch part"),
    RelationColumn("kept", "BOOLEAN", "Whether view_<view>_at(generation) can still show it"),
    RelationColumn("_offset", "BIGINT", "Where in the log it was announced"),
)
_FRESHNESS = (
    RelationColumn("relation", "VARCHAR", "The name of a view of this database"),
    RelationColumn("position", "VARCHAR", "The cut of the log that it shows: every record before it"),
    RelationColumn("as_of", "TIMESTAMPTZ", "Up to when nothing newer was known; it moves on as long as nothing comes"),
    RelationColumn("age_seconds", "DOUBLE", "How long ago that was when the query began"),
)
SMALL = {
    "models": (_VERSIONS, "The versions of the models that can still be promoted, one a row"),
    "model_scores": (_SCORES, "How every expert of every model does, one a row"),
    "model_history": (_HISTORY, "The same in the course of time, one row an expert and point"),
    "batch_runs": (_RUNS, "The batch runs, one a row"),
    "rejected": (
        _REJECTED,
        "The newest events that were rejected, up to 100,000 and 32 MB a stream; identical ones are one row",
    ),
}
"""The columns and the comment of every small table."""


def relations() -> list[Relation]:
    """All but ``freshness``."""
    small = [
        Relation(name, comment, columns, lambda contents, n=name, c=columns: _small(contents, n, c))  # type: ignore[misc]  # defaults bind the loop
        for name, (columns, comment) in SMALL.items()
    ]
    return [Relation("generations", "The generations that were published, one a row", _GENERATIONS, published), *small]


def _small(contents: SnapshotContents, name: str, columns: tuple[RelationColumn, ...]) -> str:
    return rows_of([contents.small[name]] if name in contents.small else [], columns)


PUBLICATION_TYPES = {
    "kind": "VARCHAR",
    "generation": "BIGINT",
    "run": "VARCHAR",
    "cut": "VARCHAR",
    "manifest_sha256": "VARCHAR",
    "promoted": "MAP(VARCHAR,BIGINT)",
}
"""The fields of a stored `Publication` that SQL opens. A test holds their names against what `Publication` stores."""


def announced(contents: SnapshotContents) -> str:
    """SQL of the stored `Publication` events: their fields, ``_appended`` and ``_offset``."""
    events = f"SELECT * FROM ({records(contents, SYSTEM, [*PLACE, DATA])}) WHERE contains(_data, '{Publication.KIND}')"
    opened = literal(json.dumps(PUBLICATION_TYPES))
    return (
        f"SELECT * FROM (SELECT unnest(from_json(_data, {opened})), _appended, _offset FROM ({events}))"
        f" WHERE kind = '{Publication.KIND}'"
    )


def published(contents: SnapshotContents) -> str:
    """SQL of ``generations``."""
    current = "false" if contents.generation is None else f"generation = {contents.generation}"
    numbers = f"[{', '.join(map(str, contents.tables))}]::BIGINT[]"
    return (
        f"SELECT generation, run, cut, split_part(cut, ':', 2)::BIGINT AS records, _appended AS published, promoted,"
        f" {current} AS current, list_contains({numbers}, generation) AS kept, _offset"
        f" FROM ({announced(contents)})"
    )


def freshness(known: Iterable[Relation]) -> Relation:
    """``freshness``, of all relations."""
    listed = [relation.name for relation in known]

    def source(contents: SnapshotContents) -> str:
        batch = {f"{name}_batch" for name in listed}  # a view may be called so itself
        positions = {name: _position(name, name in batch, contents) for name in listed}
        rows = ", ".join(f"({literal(name)}, {literal(position)})" for name, position in positions.items())
        as_of = "SELECT NULL::TIMESTAMPTZ AS as_of"
        if contents.fresh is not None:
            as_of = f"SELECT as_of FROM read_json({literal(contents.fresh)}, columns = {{as_of: 'TIMESTAMPTZ'}})"
        return (
            "SELECT relation, position, as_of, epoch(now()) - epoch(as_of) AS age_seconds"
            f" FROM (VALUES {rows}) AS listed(relation, position), ({as_of})"
        )

    return Relation("freshness", "How fresh every other view is, one a row", _FRESHNESS, source)


def _position(name: str, is_batch: bool, contents: SnapshotContents) -> str:
    if is_batch:
        return str(Cut((contents.batch_end,)))
    return contents.scored if name in ("model_scores", "model_history") else str(Cut((contents.end,)))
