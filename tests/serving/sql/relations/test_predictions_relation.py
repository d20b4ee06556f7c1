"""``predictions``: parts, features, labels once they are known, and losses, against plain Python."""

from __future__ import annotations

import itertools
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import orjson
import pytest
from pydantic import BaseModel

from anabranch import App, Label, Model
from anabranch.instant import iso
from anabranch.metric import loss
from eventlog.decisions import PREDICTIONS
from eventlog.log.segment import Segment
from serving.sql.relations import predictions_relation, system_relations
from serving.sql.relations.known_features import KnownFeatures
from serving.sql.relations.snapshot_contents import SnapshotContents
from serving.sql.snapshots.tail import Tail
from tests.equivalence.late_labels import CASES

HOUR = 3_600_000_000
app = App("labelled")


class Show(BaseModel):
    show: str
    user: str
    at: datetime
    clicked: bool | None = None
    price: float | None = None
    shelf: str | None = None


class Click(BaseModel):
    shown: str
    at: datetime
    clicked: bool


shows = app.stream("shows", Show, id="show", time="at")
clicks = app.stream("clicks", Click, time="at")


def nothing(example: Any, views: Any) -> dict[str, Any]:
    return {}


def model(name: str, label: Any, task: Any, metric: Any = None) -> Model:
    app.model(name, on=shows, label=label, task=task, batch=object, speed=object, metric=metric)(nothing)
    return app.models[name]


price = model("price", "price", "regression")
absolute = model("absolute", "price", "regression", "absolute_error")
clicked = model("clicked", "clicked", "binary")
shelf = model("shelf", "shelf", "multiclass")
later = model("later", Label(clicks, field="clicked", join=("show", "shown"), within="6h", missing=False), "binary")
soon = model("soon", Label(clicks, field="clicked", join=("show", "shown"), within="2h", missing=False), "binary")
unsure = model("unsure", Label(clicks, field="clicked", join=("show", "shown"), within="6h"), "binary")


class Log:
    """Records, and the database that shows them."""

    def __init__(self, folder: Path, *models: Model):
        self.app = App("of")
        self.app.streams = app.streams
        self.app.models = {m.name: m for m in models}
        self._numbers = itertools.count()
        streams = {"shows": shows, "clicks": clicks, PREDICTIONS: None}
        self._tail = Tail(streams, lambda name: folder / f"{name}-{next(self._numbers)}.parquet")
        self._features = KnownFeatures()
        self._clocks: dict[str, int] = {}
        self._end = 0

    def add(self, stream: str, time: int, id_: str | None, event: dict[str, Any]) -> None:
        segment = Segment.of(0, self._end, stream, time, [time], [id_], [None], [orjson.dumps(event)])
        self._tail.add([segment])
        self._features.note([segment])
        self._clocks[stream] = max(time, self._clocks.get(stream, time))
        self._end += 1

    def predict(self, model: Model, answer: dict[str, Any], time: int = 0, **example: Any) -> str:
        name = f"p{self._end}"
        told = {"parts": {}, "weights": {}, "features": {}, "versions": {}, **answer}
        event = {"prediction_id": name, "model": model.name, "time": iso(time), "example": example}
        self.add(PREDICTIONS, time, name, {**event, "example_id": example.get("show"), "generation": None, **told})
        return name

    def rows(self, columns: str = "* EXCLUDE (time)") -> list[dict[str, Any]]:
        with duckdb.connect() as connection:
            contents = SnapshotContents(end=self._end, tail=self._tail.files(), clocks=self._clocks)
            relation = predictions_relation.relation(self.app, self._features.types)
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute(f"CREATE VIEW predictions AS SELECT {relation.names} FROM ({relation.source(contents)})")
            found = connection.sql(f"SELECT {columns} FROM predictions ORDER BY _offset")
            names = found.columns
            return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def test_without_a_prediction_or_a_model_it_is_empty(tmp_path: Path) -> None:
    assert Log(tmp_path).rows() == []
    assert Log(tmp_path, price, clicked, later).rows() == []


def test_what_was_answered_is_told_by_expert_and_feature(tmp_path: Path) -> None:
    log = Log(tmp_path, price)
    answer = {
        "prediction": 3.5,
        "parts": {"batch": 3.0, "speed": None},
        "weights": {"batch": 1.0, "speed": 0.0},
        "features": {"hour": 7, "city": "Oslo", "new": True, "recent": None},
        "versions": {"batch": 4},
        "generation": 4,
        "batch_cut": "0:10",
        "speed_cut": "0:12",
    }
    log.predict(price, answer, HOUR, show="s1")
    log.predict(price, {"prediction": None, "features": {"hour": 1.5}}, HOUR)
    first, second = log.rows("* EXCLUDE (time, example, _offset)")
    assert first == {
        "prediction_id": "p0",
        "model": "price",
        "prediction": 3.5,
        "probabilities": None,
        "parts": {"batch": 3.0, "speed": None},
        "weights": {"batch": 1.0, "speed": 0.0},
        "features": {"hour": 7.0, "city": "Oslo", "new": True, "recent": None},
        "label": None,
        "loss": None,
        "version": 4,
        "generation": 4,
        "batch_cut": "0:10",
        "speed_cut": "0:12",
        "example_id": "s1",
    }
    assert (second["prediction"], second["features"]["hour"], second["version"]) == (None, 1.5, None)
    ((missing, hour, batch),) = [
        tuple(row.values()) for row in log.rows("parts['speed'], features.hour, parts['batch']")
    ][:1]
    assert (missing, hour, batch) == (None, 7.0, 3.0)


def test_features_that_sql_cannot_tell_apart_break_nothing(tmp_path: Path) -> None:
    log = Log(tmp_path, price, shelf)
    log.predict(price, {"prediction": 1.0, "features": {"Hour": 7, "": 1, "_x": 2}})
    log.predict(shelf, {"prediction": "a", "features": {"hour": 8, "city": "Oslo"}})
    assert [row["features"] for row in log.rows()] == [
        {"Hour": 7.0, "_x": 2.0, "city": None},
        {"Hour": None, "_x": None, "city": "Oslo"},
    ]


@pytest.mark.parametrize("of", [price, absolute])
def test_the_loss_of_a_regression_is_its_metric(tmp_path: Path, of: Model) -> None:
    log = Log(tmp_path, of)
    log.predict(of, {"prediction": 3.5}, show="s1")
    log.predict(of, {"prediction": 3.5}, show="s2")
    log.predict(of, {"prediction": 3.5})
    log.predict(of, {"prediction": None}, show="s1")
    log.add("shows", HOUR, "s1", {"show": "s1", "user": "u", "at": iso(HOUR), "price": 5.25})
    log.add("shows", HOUR, "s2", {"show": "s2", "user": "u", "at": iso(HOUR), "price": None})
    log.add("shows", HOUR, "s1", {"show": "s1", "user": "u", "at": iso(HOUR), "price": 9.0})  # its id was forgotten
    found = [(row["label"], row["loss"]) for row in log.rows()]
    assert found == [(5.25, loss(of.metric, 3.5, 5.25)), (None, None), (None, None), (5.25, None)]


def test_the_loss_of_a_classification_is_that_of_its_probabilities(tmp_path: Path) -> None:
    log = Log(tmp_path, clicked, shelf)
    told: list[tuple[Model, dict[Any, float], Any]] = [
        (clicked, {True: 0.7, False: 0.3}, True),
        (clicked, {True: 1.0, False: 0.0}, False),
        (shelf, {"a": 0.5, "b": 0.5}, "b"),
        (shelf, {"a": 1.0}, "c"),
    ]
    for number, (of, probabilities, label) in enumerate(told):
        texts = {str(name).lower() if isinstance(name, bool) else name: p for name, p in probabilities.items()}
        best = max(probabilities, key=lambda name: probabilities[name])
        log.predict(of, {"prediction": best, "probabilities": texts}, show=f"s{number}")
        event = {"show": f"s{number}", "user": "u", "at": iso(HOUR), of.own_label or "": label}
        log.add("shows", HOUR, f"s{number}", event)
    found = log.rows()
    assert [row["loss"] for row in found] == pytest.approx(
        [loss("log_loss", p, label) for _, p, label in told], rel=1e-12
    )
    assert [row["label"] for row in found] == ["true", "false", "b", "c"]
    assert [row["prediction"] for row in found] == ["true", "true", "a", "a"]


def test_classes_of_binary_models_alone_are_booleans(tmp_path: Path) -> None:
    log = Log(tmp_path, clicked)
    log.predict(clicked, {"prediction": True, "probabilities": {"true": 0.5, "false": 0.5}}, show="s")
    log.add("shows", HOUR, "s", {"show": "s", "user": "u", "at": iso(HOUR), "clicked": False})
    (row,) = log.rows()
    assert (row["prediction"], row["label"]) == (True, False)


@pytest.mark.parametrize(
    ("labels", "clock", "with_missing", "without"),
    [
        ([], 0, None, None),
        ([], 5, None, None),
        ([], 7, False, None),
        ([(1, True)], 1, True, True),
        ([(1, True), (2, False)], 2, False, False),
        ([(2, False), (1, True)], 2, True, True),
        ([(7, True)], 7, False, None),
        ([(6, True)], 9, True, True),
        ([(-6, True)], 9, True, True),
        ([(-7, True)], 9, False, None),
    ],
)
def test_a_label_that_arrives_later_counts_if_it_is_in_time(
    tmp_path: Path, labels: list[tuple[int, bool]], clock: int, with_missing: bool | None, without: bool | None
) -> None:
    log = Log(tmp_path, later, unsure)
    start = 100 * HOUR
    for of in (later, unsure):
        answer = {"prediction": True, "probabilities": {"true": 0.8, "false": 0.2}}
        log.predict(of, answer, 200 * HOUR, show="s", at=iso(start))
    for hours, value in labels:
        time = start + hours * HOUR
        log.add("clicks", time, None, {"shown": "s", "at": iso(time), "clicked": value})
    log.add("clicks", start + clock * HOUR, None, {"shown": "other", "at": iso(start + clock * HOUR), "clicked": True})
    found = {row["model"]: (row["label"], row["loss"]) for row in log.rows()}
    for of, label in ((later, with_missing), (unsure, without)):
        cost = None if label is None else pytest.approx(loss("log_loss", {True: 0.8, False: 0.2}, label))
        assert found[of.name] == (label, cost), of.name


def test_labels_that_come_later_are_joined_as_the_table_of_all_layers_says(tmp_path: Path) -> None:
    log = Log(tmp_path, soon)
    start = 100 * HOUR
    for name, case in CASES.items():
        for kind, minutes, said in case.entries:
            time = start + minutes * 60_000_000
            if kind == "example":
                log.predict(soon, {"prediction": True}, 200 * HOUR, show=name, at=iso(time))
            elif kind == "clock" or said is not None:
                shown = name if kind == "label" else "another"
                log.add("clicks", time, None, {"shown": shown, "at": iso(time), "clicked": said or False})
    log.add("clicks", 300 * HOUR, None, {"shown": "another", "at": iso(300 * HOUR), "clicked": True})
    found = {row["example_id"]: row["label"] for row in log.rows()}
    assert found == {name: case.joined for name, case in CASES.items()}


def test_predictions_of_many_tasks_share_columns_of_text(tmp_path: Path) -> None:
    log = Log(tmp_path, price, clicked)
    log.predict(price, {"prediction": 1.5, "features": {"x": 1}}, show="s")
    log.predict(clicked, {"prediction": False, "probabilities": {"false": 1.0}, "features": {"x": "one"}}, show="s")
    log.add("shows", HOUR, "s", {"show": "s", "user": "u", "at": iso(HOUR), "clicked": False, "price": 2.0})
    first, second = log.rows()
    assert (first["prediction"], first["label"], first["loss"]) == ("1.5", "2.0", 0.25)
    assert (second["prediction"], second["label"], second["loss"]) == ("false", "false", 0.0)
    assert [first["features"], second["features"]] == [{"x": "1"}, {"x": "one"}]


def test_the_system_s_tables_are_empty_before_anything_was_written() -> None:
    with duckdb.connect() as connection:
        for relation in system_relations.relations():
            found = connection.sql(f"SELECT {relation.names} FROM ({relation.source(SnapshotContents())})")
            assert found.fetchall() == []
            assert found.columns == [column.name for column in relation.columns]
