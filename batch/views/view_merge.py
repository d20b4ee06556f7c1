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
from batch.views.layers import WORTH_A_LAYER
from batch.views.prefix_scan import scan
from batch.views.publish import BaseView, LayerFiles, publish_view
from batch.views.published_table import ViewTables
from batch.views.slice_fold import SliceDelta
from eventlog.store.blobs import Blobs


def merge_view(
    connection: Connection,
    view: View,
    deltas: Sequence[SliceDelta],
    base: Generation | None,
    folder: Path,
    blobs: Blobs,
    worth_a_layer: int = WORTH_A_LAYER,
) -> dict[str, Any]:
    """Make the files of a view that are new; returns what the manifest says of them.

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
    worth_a_layer
        As for `layers.taken_in`.
    """
    watermark = newest(*(delta.newest for delta in deltas), None if base is None else base.watermark(view))
    oldest = view.oldest_kept(watermark)
    into = LayerFiles.of(folder, view.name)
    # what is published is the last prefix; a replay makes those of its own that it needs
    *_, tables = scan((), ((Path(delta.paths[view.name]),) for delta in deltas), operator.add)
    below = [] if base is None else base.layers(view)
    before = None if base is None else _of_base(view, base)
    made = publish_view(connection, view, tables, before, oldest, into, worth_a_layer)
    layers = below[made.taken_in :]
    if made.written is not None:
        layers = [Layer(blobs.put(into.table), blobs.put(into.index), made.written), *layers]
        for path in (into.table, into.index):  # the store has them
            path.unlink()
    failures = sum(delta.failures[view.name] for delta in deltas)
    return {
        "fingerprint": view.fingerprint,
        "keep_us": view.keep_us,
        "rows": made.rows,
        "watermark": watermark,
        "failures": failures + (0 if base is None else base.manifest["views"][view.name]["failures"]),
        "oldest": None if made.written is not None and len(layers) == 1 else oldest,
        "layers": [layer.entry() for layer in layers],
    }


def _of_base(view: View, base: Generation) -> BaseView:
    tables = ViewTables(tuple(map(str, base.tables(view))), base.oldest(view))
    return BaseView(tables, tuple(layer.size for layer in base.layers(view)), base.rows(view))
