"""What the system knows of itself: generations, models, batch runs, rejected events, and how fresh all of it is.

`generations` is read from the system's own events; the others are small tables, which `tables` writes.
"""

from __future__ import annotations

from collections.abc import Iterable

from anabranch import SYSTEM, Cut
from batch import duck
from serving.sql.contents import Contents
from serving.sql.of_events import DATA, PLACE, records
from serving.sql.relation import Column, Relation, rows_of

_VERSIONS = (
    Column("model", "VARCHAR", "The name of the model"),
    Column("version", "BIGINT", "The number of the generation that trained it"),
    Column("status", "VARCHAR", "champion: predicts now; retired: did once; rejected: lost to the champion"),
    Column("task", "VARCHAR", "regression, binary or multiclass"),
    Column("metric", "VARCHAR", "The loss by which everything is compared"),
    Column("candidate", "VARCHAR", "Which of the estimators it is"),
    Column("cut", "VARCHAR", "It was trained on events before this cut"),
    Column("rows", "BIGINT", "On how many examples it was trained"),
    Column("holdout_loss", "DOUBLE", "Its mean loss on the examples held out"),
    Column("holdout_rows", "BIGINT", "How many were held out"),
    Column("incumbent_loss", "DOUBLE", "The mean loss of the champion of that time on the same examples"),
)
_SCORES = (
    Column("model", "VARCHAR", "The name of the model"),
    Column("expert", "VARCHAR", "batch, a model of the speed layer, or blend: what is answered"),
    Column("loss", "DOUBLE", "Mean loss since the start, every example predicted before it was learnt from"),
    Column("recent", "DOUBLE", "The same over the last 1,000 examples"),
    Column("count", "BIGINT", "On how many examples"),
    Column("weight", "DOUBLE", "Its weight in the blend; NULL for the blend itself"),
    Column("diverged", "BOOLEAN", "Whether its predictions keep leaving the range of labels"),
    Column("clipped", "BIGINT", "How many of its predictions did"),
)
_HISTORY = (
    Column("model", "VARCHAR", "The name of the model"),
    Column("time", "TIMESTAMPTZ", "The event time of the first of these examples"),
    Column("count", "BIGINT", "How many examples"),
    Column("version", "BIGINT", "The champion at their end"),
    Column("expert", "VARCHAR", "batch, a model of the speed layer, or blend"),
    Column("loss", "DOUBLE", "Its mean loss on these examples"),
    Column("weight", "DOUBLE", "Its weight in the blend at their end; NULL for the blend itself"),
)
_RUNS = (
    Column("run", "VARCHAR", "The id of the run"),
    Column("status", "VARCHAR", "running, published, failed, or abandoned: its process died"),
    Column("full", "BOOLEAN", "Whether it recomputed everything from the raw log"),
    Column("started", "TIMESTAMPTZ", "When it began"),
    Column("finished", "TIMESTAMPTZ", "When it ended; NULL: it has not"),
    Column("seconds", "DOUBLE", "How long it took, or has been going on"),
    Column("cut", "VARCHAR", "It covers every event before this cut"),
    Column("generation", "BIGINT", "What it published"),
    Column("events", "BIGINT", "How many records it folded"),
    Column("stage", "VARCHAR", "The stage that it is in"),
    Column("stages", 'STRUCT("name" VARCHAR, done BIGINT, total BIGINT, seconds DOUBLE)[]', "The stages it has begun"),
    Column("error", "VARCHAR", "Why it failed"),
)
_REJECTED = (
    Column("id", "BIGINT", "Grows with every rejected event"),
    Column("stream", "VARCHAR", "The stream that it was posted to"),
    Column("received", "TIMESTAMPTZ", "When it came"),
    Column("retried", "TIMESTAMPTZ", "When a retry brought it into the log; NULL: it waits"),
    Column("errors", 'STRUCT("field" VARCHAR, message VARCHAR, "type" VARCHAR)[]', "Why it was rejected"),
    Column("body", "VARCHAR", "The event as it came"),
)
_GENERATIONS = (
    Column("generation", "BIGINT", "Its number; NULL in no row"),
    Column("run", "VARCHAR", "The batch run that published it"),
    Column("cut", "VARCHAR", "It covers every record before this cut"),
    Column("records", "BIGINT", "How many records of the log that is"),
    Column("published", "TIMESTAMPTZ", "When it was published"),
    Column("promoted", "MAP(VARCHAR, BIGINT)", "The versions that became champions with it, by model"),
    Column("current", "BOOLEAN", "Whether it answers now for the batch part"),
    Column("kept", "BOOLEAN", "Whether view_<view>_at(generation) can still show it"),
    Column("_offset", "BIGINT", "Where in the log it was announced"),
)
_FRESHNESS = (
    Column("relation", "VARCHAR", "The name of a view of this database"),
    Column("position", "VARCHAR", "The cut of the log that it shows: every record before it"),
    Column("as_of", "TIMESTAMPTZ", "Up to when nothing newer was known; it moves on as long as nothing comes"),
    Column("age_seconds", "DOUBLE", "How long ago that was when the query began"),
)
SMALL = {
    "models": (_VERSIONS, "The versions of the models that can still be promoted, one a row"),
    "model_scores": (_SCORES, "How every expert of every model does, one a row"),
    "model_history": (_HISTORY, "The same in the course of time, one row an expert and point"),
    "batch_runs": (_RUNS, "The batch runs, one a row"),
    "rejected": (_REJECTED, "The newest events that were rejected, up to 100,000 a stream, one a row"),
}
"""The columns and the comment of every small table."""


def relations() -> list[Relation]:
    """All but ``freshness``."""
    small = [
        Relation(name, comment, columns, lambda contents, n=name, c=columns: _small(contents, n, c))  # type: ignore[misc]  # defaults bind the loop
        for name, (columns, comment) in SMALL.items()
    ]
    return [Relation("generations", "The generations that were published, one a row", _GENERATIONS, published), *small]


def _small(contents: Contents, name: str, columns: tuple[Column, ...]) -> str:
    return rows_of([contents.small[name]] if name in contents.small else [], columns)


def published(contents: Contents) -> str:
    """SQL of ``generations``."""
    stored = '{"kind":"VARCHAR","generation":"BIGINT","run":"VARCHAR","cut":"VARCHAR","promoted":"MAP(VARCHAR,BIGINT)"}'
    told = f"SELECT * FROM ({records(contents, SYSTEM, [*PLACE, DATA])}) WHERE contains(_data, 'batch_published')"
    current = "false" if contents.generation is None else f"generation = {contents.generation}"
    numbers = f"[{', '.join(map(str, contents.tables))}]::BIGINT[]"
    return (
        f"SELECT generation, run, cut, split_part(cut, ':', 2)::BIGINT AS records, _appended AS published, promoted,"
        f" {current} AS current, list_contains({numbers}, generation) AS kept, _offset"
        f" FROM (SELECT unnest(from_json(_data, {duck.text(stored)})), _appended, _offset FROM ({told}))"
        " WHERE kind = 'batch_published'"
    )


def freshness(known: Iterable[Relation]) -> Relation:
    """``freshness``, of all relations."""
    listed = [relation.name for relation in known]

    def source(contents: Contents) -> str:
        rows = ", ".join(f"({duck.text(name)}, {duck.text(_position(name, contents))})" for name in listed)
        as_of = "SELECT NULL::TIMESTAMPTZ AS as_of"
        if contents.fresh is not None:
            as_of = f"SELECT as_of FROM read_json({duck.text(contents.fresh)}, columns = {{as_of: 'TIMESTAMPTZ'}})"
        return (
            "SELECT relation, position, as_of, epoch(now()) - epoch(as_of) AS age_seconds"
            f" FROM (VALUES {rows}) AS listed(relation, position), ({as_of})"
        )

    return Relation("freshness", "How fresh every other view is, one a row", _FRESHNESS, source)


def _position(name: str, contents: Contents) -> str:
    if name.startswith("view_") and name.endswith("_batch"):
        return str(Cut((contents.batch_end,)))
    return contents.scored if name in ("model_scores", "model_history") else str(Cut((contents.end,)))
