"""The second map of a batch run: slices of the log to training rows. This is what a Dask worker runs.

A worker replays a range of consecutive slices: it starts from the exact views at the beginning of the first (see
`prefix`), and folds on from there as the speed layer does, with the features of every example frozen just before it is
folded. Where its tiles become many, it starts again from the exact views at the beginning of the next slice; so the
memory is bounded by the slice, and only the first slice of a range costs a merge of what came before.
"""

from __future__ import annotations

import gc
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from anabranch.app import App
from anabranch.features.fold import fold
from anabranch.features.lookups import Lookups
from anabranch.load import load_app
from anabranch.view import Tiles
from anabranch.watermarks import Watermarks, advance
from batch.duckdb_session import Connection, connect
from batch.generation import Generation
from batch.models.prefix import Prefix
from batch.models.records import runs
from batch.models.replay_task import Replayed, ReplayTask
from batch.models.slice_rows import SliceRows
from batch.plan import Slice
from eventlog.store.blobs import Blob


def replay(task: ReplayTask) -> list[Replayed]:
    """Replay a range of slices. Doing it twice does no harm: the rows are the same, and so are their blobs."""
    gc.set_threshold(100_000, 50, 1_000)  # as in `slice_fold`
    wanted = task.range
    app = load_app(wanted.app).recall(wanted.recorded)
    base = None if wanted.base is None else Generation.peek(task.store.opened(), wanted.base)
    with wanted.exchange.workplace() as workplace:
        prefix = Prefix(base, workplace / "prefix")
        try:
            with connect(wanted.threads, wanted.memory_bytes, workplace / "spill") as connection:
                return _Replay(app, replace(task, scratch=str(workplace)), prefix, connection).replay()
        finally:
            prefix.close()
            if base is not None:
                base.close()


class _Replay:
    """A range of slices at work; the scratch folder of the task is its own."""

    def __init__(self, app: App, task: ReplayTask, prefix: Prefix, connection: Connection):
        self._app = app
        self._task = task
        self._range = task.range
        self._prefix = prefix
        self._connection = connection
        self._files = {name: self._local(blobs, "lake") for name, blobs in self._range.files.items()}
        self._tiles: dict[str, Tiles] = {}
        self._watermarks: Watermarks = {}
        self._lookups = Lookups(app.views, prefix.tiles_of, [self._tiles], self._watermarks)

    def replay(self) -> list[Replayed]:
        """All slices."""
        found: list[Replayed] = []
        self._begin(self._range.parts[0])
        for part in self._range.parts:
            carried = sum(len(by_start) for tiles in self._tiles.values() for by_start in tiles.values())
            if carried > self._range.carried_tiles:
                self._begin(part)
            found += self._replay_slice(part)
        return found

    def _begin(self, part: Slice) -> None:
        """Stand at the beginning of a slice."""
        app = self._app
        before = {name: [d for d in deltas if d.end <= part.start] for name, deltas in self._range.deltas.items()}
        self._watermarks.clear()
        self._watermarks.update(self._range.newest)
        for name, deltas in before.items():
            advance(self._watermarks, app.views[name].of.name, [delta.newest for delta in deltas])
        self._tiles.clear()
        paths = {name: self._local([d.table for d in deltas], "tables") for name, deltas in before.items()}
        self._prefix.build(self._connection, app.views, paths, self._watermarks)
        self._lookups.use_layers(self._prefix.tiles_of, [self._tiles])

    def _replay_slice(self, part: Slice) -> list[Replayed]:
        app, task = self._app, self._task
        models = [model for model in app.models.values() if task.starts.get(model.name, part.end) <= part.start]
        outputs = {model.name: SliceRows(model, part, task) for model in models}
        streams = {view.of.name for view in app.views.values()} | {model.on.name for model in models}
        for events in runs(self._connection, [app.streams[name] for name in streams], self._files, part):
            name = events.stream.name
            of_stream = [model for model in models if model.on.name == name]
            frozen, _ = fold(app.views_of(name), of_stream, self._tiles, self._lookups, self._watermarks, events)
            for model in of_stream:
                outputs[model.name].add(events, frozen[model.name])
        return [output.close(self._connection, self._files) for output in outputs.values()]

    def _local(self, blobs: Sequence[Blob], folder: str) -> list[str]:
        return self._range.exchange.files(blobs, Path(self._task.scratch) / folder)
