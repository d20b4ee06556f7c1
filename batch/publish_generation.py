"""The last step of a run: what it made becomes a generation, by a rename and then by an event in the log."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from anabranch import Cut
from batch.generations import Generations
from batch.lease_keeper import LeaseKeeper
from batch.manifest import write_manifest
from eventlog.decisions import Publication
from eventlog.durable_files import sync_folder
from eventlog.log import Log


def publish_generation(
    made: Path,
    said: Mapping[str, Any],
    promoted: Mapping[str, int],
    generations: Generations,
    log: Log,
    keeper: LeaseKeeper,
) -> None:
    """Publish what lies in a folder. Its effect is the ``batch_published`` event alone: killed before, nothing is.

    Parameters
    ----------
    made
        The folder, beside the generations.
    said
        What the manifest says of it, see `batch.manifest.write_manifest`; its ``generation``, ``cut`` and ``run`` are
        what the log is told.
    promoted
        By model, the new version that takes the champion's place.

    Raises
    ------
    LeaseLostError
        If another run took over: nothing was published.
    """
    sha256 = write_manifest(made, said)
    target = generations.folder / str(said["generation"])
    # Asked of the database now, not remembered: a run that slept while another took over must not touch what that one
    # may have renamed. The event below is fenced by itself; this folder is not.
    keeper.confirm()
    if target.exists():  # an earlier run came so far and no further: the log does not know it
        shutil.rmtree(target)
    made.rename(target)
    # the name is on the disk before the log announces it: the other way round, a power cut leaves an announcement alone
    sync_folder(generations.folder)
    publication = Publication(said["generation"], Cut.parse(said["cut"]), sha256, said["run"], promoted)
    log.mark(publication.event(), keeper.lease)
