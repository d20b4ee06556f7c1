"""The process that writes snapshots for analysts.

`infra.analytics` starts it: ``python -m infra.analytics.snapshot_writer APP HOME FORMAT``.

It folds the log on its own, at a low priority, so that neither DuckDB nor Arrow nor the merging of many tiles ever
comes between the service and its clients.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Collection, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from anabranch.errors import AnabranchError
from infra import logs
from infra.composition import Process, opened
from infra.settings import Settings
from serving.sql.child_process import Message, answer_all
from serving.sql.snapshots.snapshot_folder import SnapshotFolder
from serving.sql.snapshots.snapshots import Snapshot, Snapshots, Sources
from speed.errors import RetractedError
from speed.offline_fold import OfflineFold

logger = logging.getLogger(__name__)
_NICENESS = 10


class SnapshotWriter:
    """Writes snapshots of a process.

    Parameters
    ----------
    process
        Whose.
    root
        The folder of all files of snapshots.
    """

    def __init__(self, process: Process, root: Path):
        self._process = process
        self._root = root
        self._snapshots: Snapshots | None = None

    def answer(self, message: dict[str, Any]) -> Message:
        """Write a snapshot: see `infra.analytics`. After a failure the next one begins from nothing."""
        try:
            try:
                snapshot = self._take(message)
            except RetractedError:  # it is in files and tiles already: all of them are made again
                self._snapshots = None
                snapshot = self._take(message)
        except AnabranchError as error:  # damage, or a database that is away: the message says it all
            self._snapshots = None
            return {"error": str(error)}, b""
        except Exception as error:  # it must be told, not end as a silence
            logger.exception("no snapshot for analysts")
            self._snapshots = None
            return {"error": f"{type(error).__name__}: {error}"}, b""
        return {"snapshot": asdict(snapshot)}, b""

    def _take(self, message: dict[str, Any]) -> Snapshot:
        if self._snapshots is None:
            self._snapshots = snapshots_of(self._process, self._root)
        return self._snapshots.take(
            message["reports"],
            message["scored"],
            time.monotonic(),
            publish=Path(message["publish"]) if message["publish"] else None,
            in_use=message["in_use"],
        )


def snapshots_of(process: Process, root: Path, streams: Collection[str] | None = None) -> Snapshots:
    """What writes the snapshots of a process, from where the newest checkpoint is."""
    fold = OfflineFold(
        process.app, process.log, process.checkpoints, process.can_serve, process.published_layer, models=False
    )
    folder = SnapshotFolder(root, f"snapshots-{process.clock()}-{os.getpid()}", time.monotonic())
    return Snapshots(sources_of(process), fold.view_fold(), folder, root / "spill", streams)


def sources_of(process: Process) -> Sources:
    """Where snapshots of a process come from."""
    return Sources(
        process.app,
        process.log,
        process.lake,
        process.generations,
        process.runs,
        process.dead_letters,
        process.clock,
    )


def main(arguments: Sequence[str]) -> None:
    """Write whenever asked, until the service ends."""
    os.nice(_NICENESS)
    application, home, log_format = arguments
    logs.set_up(log_format)
    with opened(Settings.load(app=application, home=Path(home))) as process:
        answer_all(SnapshotWriter(process, process.home / "analytics").answer)


if __name__ == "__main__":
    main(sys.argv[1:])
