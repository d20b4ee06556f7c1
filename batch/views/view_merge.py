"""The merge of a view: what the slices add, and the last generation, become the files of the next."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from anabranch.view import View
from anabranch.watermarks import newest
from batch.duckdb_session import Connection
from batch.generation import Generation
from batch.manifest import Layer
from batch.views.prefix_scan import scan
from batch.views.publish import ViewFiles, publish_view
from batch.views.slice_fold import SliceDelta
from eventlog.store.blobs import Blobs


def merge_view(
    connection: Connection,
    view: View,
    deltas: Sequence[SliceDelta],
    base: Generation | None,
    folder: Path,
    blobs: Blobs,
) -> dict[str, Any]:
    """Make the files of a view; returns what the manifest says of them.

    Parameters
    ----------
    deltas
        What the slices add to it, in order.
    base
        The generation that they go on from; None: nothing.
    folder
        Where they are made.
    blobs
        Where they are put.
    """
    watermark = newest(*(delta.newest for delta in deltas), None if base is None else base.watermark(view))
    into = ViewFiles.of(folder, view.name)
    below = None if base is None else base.tables(view)[0]
    # what is published is the last prefix; a replay makes those of its own that it needs
    *_, tables = scan((), ((Path(delta.paths[view.name]),) for delta in deltas), operator.add)
    rows = publish_view(connection, view, tables, below, watermark, into)
    layer = Layer(blobs.put(into.table), blobs.put(into.index), rows)
    for path in (into.table, into.index):  # the store has them
        path.unlink()
    failures = sum(delta.failures[view.name] for delta in deltas)
    return {
        "fingerprint": view.fingerprint,
        "keep_us": view.keep_us,
        "rows": rows,
        "watermark": watermark,
        "failures": failures + (0 if base is None else base.manifest["views"][view.name]["failures"]),
        "layers": [layer.entry()],
    }
