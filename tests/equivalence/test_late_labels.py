"""Labels that come later are joined by one rule: the speed layer's join, the batch layer's table and plain Python.

SQL is held to the same table of cases in `tests/serving/sql/relations/test_predictions_relation.py`, a batch run from
end to end in `tests/batch/models/test_labels.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.duckdb_session import connect
from batch.models.training_table import write_table
from speed.learning.label_join import LabelJoin
from tests.batch.models import model_application
from tests.equivalence.late_labels import CASES, WITHIN, Case, Entry, joined

MODEL = model_application.app.models["acceptance"]
LABEL = MODEL.later_label
MINUTE = 60_000_000
Log = Sequence[tuple[str, Entry]]
"""Keys and what came of them, in order."""


class Speed:
    """The speed layer's join of a log: what it taught, by offset of the example."""

    def __init__(self) -> None:
        assert LABEL is not None
        self.join = LabelJoin(LABEL)
        self.taught: dict[int, Any] = {}

    def add(self, offset: int, key: str, entry: Entry) -> None:
        kind, minutes, said = entry
        time = minutes * MINUTE
        if kind == "example":
            self.join.example(key, time, offset, self._teach)
        elif kind == "label":
            self.join.label(key, time, said, self._teach)
        else:
            self.join.advance(time, self._teach)

    def _teach(self, offset: int, label: Any) -> None:
        assert offset not in self.taught, "an example is learnt from once"
        self.taught[offset] = label

    def counted(self) -> dict[str, int]:
        return {name: count for name, count in self.join.report().items() if count and name != "late"}


def batch(log: Log) -> dict[int, bool]:
    """The batch layer's training table of a log: the label by offset of the example."""
    examples = [(o, e[1] * MINUTE, key) for o, (key, e) in enumerate(log) if e[0] == "example"]
    labels = [(o, e[1] * MINUTE, key, e[2]) for o, (key, e) in enumerate(log) if e[0] == "label" and e[2] is not None]
    newest = max(entry[1] * MINUTE for _, entry in log)
    with TemporaryDirectory() as name:
        folder = Path(name)
        fixed: list[tuple[str, Any]] = [("_offset", pa.int64()), ("_time", pa.int64()), ("_join", pa.string())]
        rows = [(*example, float(example[0])) for example in examples]
        pq.write_table(_table([*fixed, ("price", pa.float64())], rows), folder / "rows.parquet")
        pq.write_table(_table([*fixed, ("_label", pa.bool_())], labels), folder / "labels.parquet")
        paths = [folder / "rows.parquet"], [folder / "labels.parquet"]
        with connect(1, 200_000_000, folder / "spill") as connection:
            write_table(connection, MODEL, *paths, {"price": "number"}, {"offers": newest}, folder / "table.parquet")
        found = pq.read_table(folder / "table.parquet").to_pylist()
    return {row["_offset"]: row["_label"] for row in found}


def _table(columns: list[tuple[str, Any]], rows: list[Any]) -> pa.Table:
    return pa.Table.from_arrays(
        [pa.array([row[at] for row in rows], type_) for at, (_, type_) in enumerate(columns)],
        names=[name for name, _ in columns],
    )


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_speed_layer_learns_each_case_as_the_table_says(case: Case) -> None:
    speed = Speed()
    for offset, entry in enumerate([*case.entries, ("clock", 10_000, None)]):
        speed.add(offset, "key", entry)
    assert list(speed.taught.values()) == [case.taught]
    assert speed.counted() == case.counted


def test_the_batch_layer_joins_each_case_as_the_table_says() -> None:
    log = [(name, entry) for name, case in CASES.items() for entry in case.entries]
    found = batch([*log, ("another", ("clock", 10_000, None))])
    assert {log[offset][0]: label for offset, label in found.items()} == {n: case.joined for n, case in CASES.items()}


TIMES = st.integers(0, 4 * WITHIN // 30).map(lambda n: 30 * n)
ENTRIES = st.one_of(
    st.tuples(st.just("example"), TIMES, st.none()),
    st.tuples(st.just("label"), TIMES, st.sampled_from([True, False, None])),
    st.tuples(st.just("clock"), TIMES, st.none()),
)
LOGS = st.lists(st.tuples(st.sampled_from("AB"), ENTRIES), min_size=1, max_size=14)


def labels_of(log: Log, key: str) -> list[tuple[int, bool]]:
    return [(e[1], e[2]) for of, e in log if of == key and e[0] == "label" and e[2] is not None]


@given(LOGS)
def test_in_any_order_the_batch_layer_joins_what_plain_python_does(log: Log) -> None:
    clock = max(entry[1] for _, entry in log)
    expected = {
        offset: joined(entry[1], labels_of(log, key), clock)
        for offset, (key, entry) in enumerate(log)
        if entry[0] == "example"
    }
    assert batch(log) == {offset: label for offset, label in expected.items() if label is not None}


@given(LOGS)
def test_in_any_order_the_speed_layer_learns_the_first_label_and_counts_every_change_until_the_example_closes(
    log: Log,
) -> None:
    """What counts at every moment is what the batch layer would join then: the test before this one."""
    speed = Speed()
    open_: dict[int, bool | None] = {}  # what counts for each example that is open
    taught: dict[int, bool] = {}
    counted: Counter[str] = Counter()
    for offset, (key, entry) in enumerate(log):
        speed.add(offset, key, entry)
        clock = max(e[1] for _, e in log[: offset + 1])
        if entry[0] == "example" and entry[1] + WITHIN >= clock:
            open_[offset] = None
        for example, before in list(open_.items()):
            of, (_, time, _) = log[example]
            label = joined(time, labels_of(log[: offset + 1], of), clock)
            if label is not None and before is None:
                taught[example] = label
            counted["corrected"] += before not in (None, label)
            open_[example] = label
            if clock > time + WITHIN:
                del open_[example]
    late = {o for o, (_, e) in enumerate(log) if e[0] == "example" and o not in taught and o in speed.taught}
    assert {o: label for o, label in speed.taught.items() if o not in late} == taught
    for offset in late:  # it came after its own end, so that nobody waited for its label
        assert log[offset][1][1] + WITHIN < max(e[1] for _, e in log[: offset + 1])
    assert speed.join.report()["corrected"] == counted["corrected"]
    assert speed.join.report()["pending"] == sum(label is None for label in open_.values())
