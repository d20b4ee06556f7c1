"""The second map of a batch run: slices of the log to training rows. This is what a Dask worker runs.

A worker replays a *span*, some consecutive slices: it starts from the exact views at the beginning of the first (see
`prefix`), and folds on from there as the speed layer does, with the features of every example frozen just before it is
folded. Where its tiles become many, it starts again from the exact views at the beginning of the next slice; so the
memory is bounded by the slice, and only the first slice of a span costs a merge of what came before.
"""

from __future__ import annotations

import gc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from anabranch.app import App
from anabranch.errors import LabelTouchedError
from anabranch.freeze import Failed, Frozen, fold
from anabranch.load import load_app
from anabranch.lookups import Lookups
from anabranch.model import Model
from anabranch.view import Tiles
from batch import duck
from batch.errors import LeakError
from batch.generation import Generation
from batch.manifest import file_entry
from batch.models import label_file
from batch.models.label_file import join_text, label_type
from batch.models.prefix import Prefix
from batch.models.records import runs
from batch.models.row_file import Kinds, RowWriter, folder_of, name_of
from batch.plan import Slice
from batch.views.python_fold import LakeEvents

CARRIED_TILES = 200_000
"""Tiles in memory with which a worker still goes on to the next slice."""
COLLECTED_ROWS = 5_000
EXAMPLES = 5
"""Events with their reasons that are shown, of those on which a features function raised."""


@dataclass(frozen=True, slots=True)
class Delta:
    """What one slice adds to one view: a table of tiles, and its newest event time; None: no event."""

    end: int
    path: str
    newest: int | None


@dataclass(frozen=True, slots=True)
class Span:
    """Consecutive slices, and what is known of the log before them.

    Attributes
    ----------
    app
        Where the application is, for `load_app`.
    parts
        The slices.
    files
        By stream, the Parquet files of the lake that hold them.
    base
        The folder of the generations and the number of the one that covers everything before the deltas; None: there
        is none.
    deltas
        By view, those of all slices before the end of the span, in order.
    newest
        The newest event times by stream before the deltas.
    threads, memory_bytes
        What DuckDB may use.
    """

    app: str
    parts: tuple[Slice, ...]
    files: Mapping[str, tuple[str, ...]]
    base: tuple[str, int] | None
    deltas: Mapping[str, tuple[Delta, ...]]
    newest: Mapping[str, int]
    threads: int | None
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class ReplayTask:
    """Everything a worker needs to know.

    Attributes
    ----------
    starts
        By model that is replayed, where its cached rows end.
    kinds
        By model, what the features of its cached rows hold; absent: there are none.
    home
        Where the rows go.
    scratch
        A folder for what is only needed meanwhile.
    """

    span: Span
    starts: Mapping[str, int]
    kinds: Mapping[str, Kinds]
    home: str
    scratch: str


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of one slice for one model.

    Attributes
    ----------
    file, labels
        What the manifest says of the file of rows, and of the file of labels that arrive later (None: its own label).
    kinds
        What the features hold; None: there is no row.
    examples
        The first events on which the features function raised: ``{"position", "reason"}`` each.
    newest
        The newest event times of its streams.
    """

    model: str
    part: Slice
    file: dict[str, Any]
    labels: dict[str, Any] | None
    kinds: Kinds | None
    examples: list[dict[str, str]]
    newest: dict[str, int]


def replay(task: ReplayTask) -> list[Replayed]:
    """Replay one span. Doing it twice does no harm: the files become visible whole, by a rename, and are the same."""
    gc.set_threshold(100_000, 50, 1_000)  # as in `slice_fold`
    span = task.span
    app = load_app(span.app)
    base = None if span.base is None else Generation.peek(Path(span.base[0]), span.base[1])
    prefix = Prefix(base, Path(task.scratch) / f"prefix-{uuid4().hex}")
    try:
        with duck.connect(span.threads, span.memory_bytes, Path(task.scratch) / "spill") as connection:
            return _Replay(app, task, prefix, connection).replay()
    finally:
        prefix.close()
        if base is not None:
            base.close()


class _Replay:
    """A span at work."""

    def __init__(self, app: App, task: ReplayTask, prefix: Prefix, connection: duck.Connection):
        self._app = app
        self._task = task
        self._span = task.span
        self._prefix = prefix
        self._connection = connection
        self._tiles: dict[str, Tiles] = {}
        self._watermarks: dict[str, int] = {}
        self._lookups = Lookups(app.views, prefix.tiles_of, [self._tiles], self._watermarks)

    def replay(self) -> list[Replayed]:
        """All slices."""
        found: list[Replayed] = []
        self._begin(self._span.parts[0])
        for part in self._span.parts:
            if sum(len(by_start) for tiles in self._tiles.values() for by_start in tiles.values()) > CARRIED_TILES:
                self._begin(part)
            found += self._replay_slice(part)
        return found

    def _begin(self, part: Slice) -> None:
        """Stand at the beginning of a slice."""
        app = self._app
        before = {name: [d for d in deltas if d.end <= part.start] for name, deltas in self._span.deltas.items()}
        self._watermarks.clear()
        self._watermarks.update(self._span.newest)
        for name, deltas in before.items():
            _raise_to(self._watermarks, app.views[name].of.name, [d.newest for d in deltas])
        self._tiles.clear()
        paths = {name: [d.path for d in deltas] for name, deltas in before.items()}
        self._prefix.build(self._connection, app.views, paths, self._watermarks)
        self._lookups.forget(self._prefix.tiles_of, [self._tiles])

    def _replay_slice(self, part: Slice) -> list[Replayed]:
        app, task = self._app, self._task
        models = [model for model in app.models.values() if task.starts.get(model.name, part.end) <= part.start]
        outputs = {model.name: _Output(model, part, task) for model in models}
        streams = {view.of.name for view in app.views.values()} | {model.on.name for model in models}
        for events in runs(self._connection, [app.streams[name] for name in streams], self._span.files, part):
            name = events.stream.name
            of_stream = [model for model in models if model.on.name == name]
            frozen, _ = fold(app.views_of(name), of_stream, self._tiles, self._lookups, self._watermarks, events)
            for model in of_stream:
                outputs[model.name].add(events, frozen[model.name])
        return [output.close(self._connection) for output in outputs.values()]


class _Output:
    """The rows of one model in one slice."""

    def __init__(self, model: Model, part: Slice, task: ReplayTask):
        self._model = model
        self._part = part
        self._task = task
        self._folder = Path(task.home) / folder_of(model)
        own = model.own_label
        self._fixed: tuple[list[int], list[int], list[Any]] = ([], [], [])
        self._features: list[Any] = []
        kind = None if own is None else label_type(model)
        third = ("_join", "VARCHAR") if kind is None else ("_label", kind)
        path = self._folder / f"{name_of(part)}.parquet"
        columns = [("_offset", "BIGINT"), ("_time", "BIGINT"), third]
        self._writer = RowWriter(model.name, path, columns, task.kinds.get(model.name))
        self._failed = 0
        self._examples: list[dict[str, str]] = []
        self._newest: dict[str, int] = {}

    def add(self, events: LakeEvents, frozen: Frozen) -> None:
        """Add what came of a run of events."""
        model = self._model
        later = model.later_label
        if later is None:
            third = [model.label_value(value) for value in events.column(str(model.label))]
        else:
            third = [join_text(value) for value in events.column(later.example_field)]
        _raise_to(self._newest, model.on.name, events.times)
        values: tuple[Sequence[Any], ...] = (events.offsets, events.times, third, frozen)
        failures = [index for index, found in enumerate(frozen) if isinstance(found, Failed)]
        if failures:
            for index in failures:
                self._fail(frozen[index], f"{events.partition}:{events.offsets[index]}")
            failed = set(failures)
            values = tuple([value for index, value in enumerate(of) if index not in failed] for of in values)
        for column, more in zip((*self._fixed, self._features), values, strict=True):
            column.extend(more)
        if len(self._features) >= COLLECTED_ROWS:
            self._write()

    def close(self, connection: duck.Connection) -> Replayed:
        """Finish the files."""
        self._write()
        self._writer.close()
        part, later = self._part, self._model.later_label
        labels = None
        if later is not None:
            path = self._folder / f"{name_of(part)}.labels.parquet"
            files = self._task.span.files.get(later.stream.name, ())
            rows, newest = label_file.write(connection, self._model, later, files, part, path)
            _raise_to(self._newest, later.stream.name, [newest])
            labels = self._entry(path, rows, 0)
        file = self._entry(self._writer.path, self._writer.rows, self._failed)
        kinds = self._writer.kinds if self._writer.rows else None
        return Replayed(self._model.name, part, file, labels, kinds, self._examples, self._newest)

    def _write(self) -> None:
        offsets = self._fixed[0]
        if offsets:
            self._writer.add(self._fixed, self._features, f"at offsets {offsets[0]} to {offsets[-1]}")
            for column in self._fixed:
                column.clear()
            self._features.clear()

    def _fail(self, failed: Any, position: str) -> None:
        if isinstance(failed.error, LabelTouchedError):
            raise LeakError(f"model {self._model.name!r}, event {position}: {failed.reason}")
        self._failed += 1
        if len(self._examples) < EXAMPLES:
            self._examples.append({"position": position, "reason": failed.reason})

    def _entry(self, path: Path, rows: int, failed: int) -> dict[str, Any]:
        part = self._part
        entry = {"start": part.start, "end": part.end, "rows": rows, "failed": failed}
        return {**file_entry(Path(self._task.home), path), **entry}


def _raise_to(newest: dict[str, int], stream: str, times: Sequence[int | None]) -> None:
    """Bring a newest event time up to date."""
    known = [time for time in (*times, newest.get(stream)) if time is not None]
    if known:
        newest[stream] = max(known)
