"""``predictions``: what models answered, from which features, and how right it was once the label is known.

The label of a prediction is found as the batch layer finds it. If the event has it: in the event that has the id of the
example. If it arrives later: by the rule of `anabranch.label.Label`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from anabranch import App, Model
from anabranch.metric import loss_sql
from anabranch.model import LARGEST_LABEL
from anabranch.watermarks import newest_of
from batch.duckdb_session import literal, quoted
from eventlog.decisions import PREDICTIONS
from eventlog.decisions.recorded_prediction import NAMES
from serving.sql.relations.events_relation import DATA, PLACE, labels, records
from serving.sql.relations.relation import Relation, RelationColumn
from serving.sql.relations.snapshot_contents import SnapshotContents
from serving.sql.relations.stored_value import json_path

_TYPE_BY_TASK = {"regression": "DOUBLE", "binary": "BOOLEAN"}


def relation(app: App, features: Mapping[str, str]) -> Relation:
    """``predictions``.

    Parameters
    ----------
    features
        The SQL type of every feature that any model has, by name; empty: none is known yet.
    """
    models = list(app.models.values())
    tasks = {model.task for model in models}
    answer = _TYPE_BY_TASK.get(next(iter(tasks)), "VARCHAR") if len(tasks) == 1 else "VARCHAR"
    answer = answer if models else "DOUBLE"
    part = "DOUBLE" if tasks <= {"regression"} else "JSON"
    struct = f"STRUCT({', '.join(f'{quoted(n)} {t}' for n, t in features.items())})" if features else "JSON"
    columns = [
        RelationColumn("prediction_id", "VARCHAR", "As the answer told it"),
        RelationColumn("model", "VARCHAR", "The name of the model"),
        RelationColumn("time", "TIMESTAMPTZ", "When it was predicted"),
        RelationColumn("prediction", answer, "What was answered: a number, or the most probable class"),
        RelationColumn("probabilities", "MAP(VARCHAR, DOUBLE)", "The probability of every class; NULL in a regression"),
        RelationColumn("parts", f"MAP(VARCHAR, {part})", "What every expert said, by its name: parts['batch']"),
        RelationColumn("weights", "MAP(VARCHAR, DOUBLE)", "What weight it had in the blend: weights['batch']"),
        RelationColumn("features", struct, "The features that it was made from; those of other models are NULL"),
        RelationColumn("label", answer, "What came of it; NULL as long as that is not known"),
        RelationColumn("loss", "DOUBLE", "What the prediction costs by the metric of its model; NULL without a label"),
        RelationColumn("version", "BIGINT", "The version of the champion that was asked; NULL: there was none"),
        RelationColumn("generation", "BIGINT", "The generation that answered for the batch part"),
        RelationColumn("batch_cut", "VARCHAR", "The cut of that generation"),
        RelationColumn("speed_cut", "VARCHAR", "How far the fold was"),
        RelationColumn("example_id", "VARCHAR", "The id of the example, if it was told"),
        RelationColumn("example", "JSON", "What was asked about, as it came"),
        RelationColumn("_offset", "BIGINT", "Its place in the log"),
    ]
    return Relation(
        "predictions",
        "Every prediction that was recorded, one a row, with its label once that is known",
        columns,
        lambda contents: _source(contents, models, columns, features),
    )


def _source(
    contents: SnapshotContents, models: Sequence[Model], columns: Sequence[RelationColumn], features: Mapping[str, str]
) -> str:
    shapes = {column.name: column.type for column in columns}
    stored = _stored_types(shapes, features)
    known = [_known(contents, model, shapes["label"]) for model in models]
    none = f"SELECT NULL::VARCHAR AS prediction_id, NULL::{shapes['label']} AS label WHERE false"
    losses = " ".join(f"WHEN {literal(model.name)} THEN {_loss(model)}" for model in models)
    loss = f"CASE p.model {losses} END" if losses else "NULL::DOUBLE"
    prediction = f"(p.prediction ->> '$')::{shapes['prediction']}"
    return (
        f"SELECT p.* EXCLUDE (prediction, versions), {prediction} AS prediction, p.versions['batch'] AS version,"
        f" known.label, {loss} AS loss FROM ({_recorded(contents, stored)}) AS p"
        f" LEFT JOIN ({' UNION ALL '.join([none, *known])}) AS known ON p.prediction_id = known.prediction_id"
    )


def _stored_types(shapes: Mapping[str, str], features: Mapping[str, str]) -> dict[str, object]:
    """The SQL type of every field of a recorded prediction, in its order: as it is shown, but for a few.

    Parameters
    ----------
    shapes
        The type of every column that is shown.
    """
    opened: dict[str, object] = {"prediction": "JSON", "example": "JSON", "versions": "MAP(VARCHAR, BIGINT)"}
    opened["features"] = dict(features) if features else "JSON"
    return {name: opened.get(name) or shapes[name] for name in NAMES}


def _recorded(contents: SnapshotContents, fields: Mapping[str, object]) -> str:
    """SQL of what was recorded, as columns. Not in a `WITH`: clients before DuckDB 2 lose sight of it in a macro."""
    opened = f"unnest(from_json(_data, {literal(json.dumps(fields))}))"
    return f"SELECT _offset, {opened} FROM ({records(contents, PREDICTIONS, [PLACE[1], DATA])})"


def _asked(contents: SnapshotContents, model: Model) -> str:
    """SQL of what is needed of the predictions of a model to find their labels."""
    fields = {**dict.fromkeys(("prediction_id", "model", "example_id"), "VARCHAR"), "time": "TIMESTAMPTZ"}
    told = _recorded(contents, {**fields, "example": "JSON"})
    return f"SELECT * FROM ({told}) WHERE model = {literal(model.name)}"


def _known(contents: SnapshotContents, model: Model, type_: str) -> str:
    """SQL of (prediction_id, label) of the predictions of a model whose label is known."""
    return _own(contents, model, type_) if model.later_label is None else _later(contents, model, type_)


def _own(contents: SnapshotContents, model: Model, type_: str) -> str:
    label = str(model.own_label)
    events = labels(contents, model.on, [label])
    return (
        f"SELECT told.prediction_id, arg_min(e.{quoted(label)}, e._offset)::{type_} AS label"
        f" FROM ({_asked(contents, model)}) AS told JOIN ({events}) AS e ON e._id = told.example_id"
        f" WHERE e.{quoted(label)} IS NOT NULL GROUP BY told.prediction_id"
    )


def _later(contents: SnapshotContents, model: Model, type_: str) -> str:
    label = model.later_label
    assert label is not None
    clock = newest_of(contents.clocks, (model.on.name, label.stream.name)) or 0
    time = "told.time"
    if model.on.time is not None:  # without its event time an example counts as of the moment it was asked
        time = f"coalesce(try_cast(told.example ->> {json_path(model.on.time)} AS TIMESTAMPTZ), told.time)"
    field, key = quoted(label.field), quoted(label.label_field)
    in_time = label.in_time_sql("asked.at", "epoch_us(e._time)")
    if model.task == "regression":  # as `Model.label_value`: nobody learns from others
        in_time += f" AND abs(e.{field}) <= {LARGEST_LABEL!r}"
    missing = "NULL" if label.missing is None else literal(_text(label.missing))
    return (
        f"SELECT asked.prediction_id, coalesce(arg_max(e.{field}, e._offset)::{type_}, CASE WHEN"
        f" {label.closed_sql('any_value(asked.at)', clock)} THEN {missing}::{type_} END) AS label FROM (SELECT"
        f" prediction_id, epoch_us({time}) AS at, told.example ->> {json_path(label.example_field)} AS key"
        f" FROM ({_asked(contents, model)}) AS told) AS asked LEFT JOIN"
        f" ({labels(contents, label.stream, [label.field, label.label_field])}) AS e"
        f" ON e.{key}::VARCHAR = asked.key AND {in_time} AND e.{field} IS NOT NULL"
        " WHERE asked.key IS NOT NULL GROUP BY asked.prediction_id"
    )


def _loss(model: Model) -> str:
    """SQL of the loss; NULL as long as the label is not known."""
    if model.task == "regression":
        return loss_sql(model.metric, "(p.prediction ->> '$')::DOUBLE", "known.label::DOUBLE")
    # a label that no expert had seen is in no map of probabilities, and its probability is none
    given = "CASE WHEN known.label IS NOT NULL THEN coalesce(p.probabilities[known.label::VARCHAR], 0) END"
    return loss_sql(model.metric, given, None)


def _text(value: bool | float | str) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
