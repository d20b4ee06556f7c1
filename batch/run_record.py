"""What the registry says of a run, kept up to date while it is at work. For people: the truth is in the log."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from typing import Any

from batch.run_progress import CombinedProgress, Progress, StageRecord, StageTimes
from eventlog.decisions import Publication
from eventlog.errors import LogUnavailableError
from eventlog.registry.runs import Run, Runs, Status

_PATIENCE_SECONDS = 5.0
"""How long a run that published waits for a database that restarts, to say so there."""
_AGAIN_SECONDS = 0.5
_SETTLED_MOST = 100
"""Of so many of the newest runs the rows are corrected by what the log says."""


class RunRecord:
    """The row of one run; made when it begins, by the holder of the batch lease.

    Runs that the registry has at work then are dead: their rows are ended, as abandoned.

    Parameters
    ----------
    full
        Whether everything is recomputed.
    progress
        Where else the run shows how far it is.

    Attributes
    ----------
    progress
        What the stages tell: `progress`, and the row with the times of the stages.
    problems
        One sentence for everything that should have been usable and was not, and was worked around.
    """

    def __init__(self, runs: Runs, name: str, full: bool, progress: Progress):
        for run in runs.list(status="running"):
            runs.finish(run, "abandoned", error="its process ended before the run did")
        self._runs = runs
        self._row: Run = runs.start(name, full=full, pid=os.getpid())
        self.problems: list[str] = []
        self.progress: Progress = CombinedProgress([progress, StageTimes(self._store)])

    def tell(self, **facts: Any) -> None:
        """Facts of the row, by its columns; they are stored with the next stage, or at the end."""
        self._row = replace(self._row, **facts)

    def problem(self, text: str) -> None:
        """Something that should have been usable and was not, and was worked around."""
        self.problems.append(text)
        self.tell(problems=list(self.problems))
        self.progress.note(text)

    def settle(self, known: Sequence[Publication]) -> None:
        """A run that ended after its publication did publish, whatever its row says: the log is the truth."""
        generation_by_run = {publication.run: publication.generation for publication in known}
        for run in self._runs.list(_SETTLED_MOST):
            if run.id in generation_by_run and run.status != "published":
                self._runs.finish(run, "published", generation=generation_by_run[run.id])

    def finish_published(self, generation: int, patience_seconds: float = _PATIENCE_SECONDS) -> None:
        """Say that the run published; if the registry cannot be reached now, the next run does it, by `settle`."""
        deadline = time.monotonic() + patience_seconds
        while True:
            try:
                self._runs.finish(self._row, "published", generation=generation)
            except LogUnavailableError as error:
                if time.monotonic() < deadline:
                    time.sleep(_AGAIN_SECONDS)
                    continue
                self.problem(f"the run is published, but its row says so only after the next run: {error}")
            except Exception as error:  # it is published all the same: nothing here may make it a failure
                self.problem(f"the run is published, but its row says so only after the next run: {error}")
            return

    def finish(self, status: Status, error: str) -> None:
        """Say that the run ended without publishing, and why; raises `LogUnavailableError` if nobody can be told."""
        self._runs.finish(self._row, status, error=error)

    def _store(self, stage: str, stages: Sequence[StageRecord]) -> None:
        self.tell(stage=stage, stages=[asdict(record) for record in stages])
        with suppress(LogUnavailableError):  # a database that is busy must not end a run that only wants to tell
            self._runs.update(self._row)
