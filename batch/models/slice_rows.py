"""The training rows of one model in one slice of the log, as a replay collects and writes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from shutil import rmtree
from typing import Any
from uuid import uuid4

from anabranch.feature_kinds import FeatureKinds
from anabranch.features.fold import FailedFeatures, FrozenFeatures
from anabranch.label import join_text
from anabranch.model import Model
from anabranch.watermarks import Watermarks, advance
from batch.duckdb_session import Connection
from batch.models import label_file
from batch.models.label_file import label_type
from batch.models.replay_task import SHOWN_EXAMPLES, Replayed, ReplayTask
from batch.models.row_file import RowWriter
from batch.plan import Slice
from batch.views.python_fold import LakeEvents


class SliceRows:
    """Collects what a replay makes of the events of a slice, and writes it some thousand rows at a time.

    An event on which the features function raised, or whose features do not belong to those of the others, is set
    aside: counted, with the reasons of the first few. It is the same events as in the speed layer, since both ask
    `anabranch.feature_kinds`; but for that the kinds at the beginning of the slice have to be known. They may be wrong
    (an earlier slice is replayed at the same time): whoever puts the slices together finds out, and has this one
    replayed again.

    Parameters
    ----------
    task
        Its ``kinds`` are those before the slice.
    """

    def __init__(self, model: Model, part: Slice, task: ReplayTask):
        self._model = model
        self._part = part
        self._task = task
        # of its own: the same slice may be at work twice, when a worker is taken for dead
        self._folder = Path(task.scratch) / f"rows-{uuid4().hex}"
        self._fixed: tuple[list[int], list[int], list[Any]] = ([], [], [])
        self._features: list[Any] = []
        third = ("_join", "VARCHAR") if model.own_label is None else ("_label", label_type(model))
        columns = [("_offset", "BIGINT"), ("_time", "BIGINT"), third]
        self._writer = RowWriter(self._folder / "rows.parquet", columns)
        self._kinds = FeatureKinds(task.kinds.get(model.name))
        self._failed = 0
        self._examples: list[dict[str, str]] = []
        self._newest: Watermarks = {}

    def add(self, events: LakeEvents, frozen: FrozenFeatures) -> None:
        """Add what came of a run of events."""
        model = self._model
        later = model.later_label
        if later is None:
            third = [model.label_value(value) for value in events.column(str(model.label))]
        else:
            third = [join_text(value) for value in events.column(later.example_field)]
        advance(self._newest, model.on.name, [max(events.times)])
        values: tuple[Sequence[Any], ...] = (events.offsets, events.times, third, frozen)
        aside = set(self._set_aside(events, frozen))
        if aside:
            values = tuple([value for index, value in enumerate(of) if index not in aside] for of in values)
        for column, more in zip((*self._fixed, self._features), values, strict=True):
            column.extend(more)
        if len(self._features) >= self._task.range.collected_rows:
            self._write()

    def close(self, connection: Connection, lake: Mapping[str, Sequence[str]]) -> Replayed:
        """Finish the files, and put them into the store. Labels are taken from these files of the lake, by stream."""
        self._write()
        self._writer.close()
        part, later = self._part, self._model.later_label
        labels = None
        if later is not None:
            path = self._folder / "labels.parquet"
            files = lake.get(later.stream.name, ())
            rows, newest_label = label_file.write(connection, self._model, later, files, part, path)
            advance(self._newest, later.stream.name, [newest_label])
            labels = self._entry(path, rows, 0)
        file = self._entry(self._writer.path, self._writer.rows, self._failed)
        kinds = self._kinds.by_name if self._writer.rows else None
        rmtree(self._folder, ignore_errors=True)
        before = self._task.kinds.get(self._model.name)
        return Replayed(self._model.name, part, file, labels, before, kinds, self._examples, self._newest)

    def _set_aside(self, events: LakeEvents, frozen: FrozenFeatures) -> list[int]:
        """The indices of events that are no examples."""
        found = []
        for index, features in enumerate(frozen):
            reason = features.reason if isinstance(features, FailedFeatures) else self._kinds.admit(features)
            if reason is not None:
                found.append(index)
                if len(self._examples) < SHOWN_EXAMPLES:
                    position = f"{events.partition}:{events.offsets[index]}"
                    self._examples.append({"position": position, "reason": reason})
        self._failed += len(found)
        return found

    def _write(self) -> None:
        if self._features:
            self._writer.add(self._fixed, self._features, self._kinds.by_name or {})
            for column in self._fixed:
                column.clear()
            self._features.clear()

    def _entry(self, path: Path, rows: int, failed: int) -> dict[str, Any]:
        part = self._part
        entry = {"start": part.start, "end": part.end, "rows": rows, "failed": failed}
        return {**self._task.store.opened().put(path).entry(), **entry}
