"""What batch runs did and are doing: for people. The truth about publications is in the log."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

import orjson
from sqlalchemy import Row, insert, select, tuple_, update

from eventlog.clock import Clock, now_us
from eventlog.registry.database import Database
from eventlog.registry.tables import batch_runs

Status = Literal["running", "published", "failed", "abandoned"]
"""abandoned: its process was ended by a signal before the run ended; told by itself, or found out by the next run."""


@dataclass(frozen=True, slots=True)
class Run:
    """One batch run.

    Attributes
    ----------
    id, status
        Its name and what became of it.
    full
        Whether it recomputes everything.
    pid
        The process that runs it.
    started, finished
        In microseconds; `finished` None: not yet.
    cut, generation
        What it covers, and the number it is published under; None: not known yet.
    stage, stages
        The stage it is in, and all that it has begun: ``{"name", "done", "total", "seconds"}`` each.
    events
        How many records it folded.
    error
        Why it failed.
    report
        What it says of the models, by name; empty if there are none.
    problems
        One sentence for everything that should have been usable and was not, and was worked around.
    """

    id: str
    status: Status
    full: bool
    pid: int | None
    started: int
    finished: int | None = None
    cut: str | None = None
    generation: int | None = None
    stage: str | None = None
    stages: list[dict[str, Any]] = field(default_factory=list)
    events: int | None = None
    error: str | None = None
    report: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


class Runs:
    """The batch runs of a database, by id."""

    def __init__(self, database: Database, clock: Clock = now_us):
        self.database = database
        self.clock = clock

    def start(self, id: str, *, full: bool, pid: int | None) -> Run:  # noqa: A002 (the word of the table)
        """Record that a run begins."""
        run = Run(id, "running", full, pid, self.clock())
        with self.database.write() as connection:
            connection.execute(insert(batch_runs).values(_values(run)))
        return run

    def update(self, run: Run) -> None:
        """Store what is known of a run now."""
        with self.database.write() as connection:
            connection.execute(update(batch_runs).where(batch_runs.c.id == run.id).values(_values(run)))

    def finish(self, run: Run, status: Status, *, generation: int | None = None, error: str | None = None) -> Run:
        """Record how a run ended."""
        finished = replace(run, status=status, finished=self.clock(), stage=None, generation=generation, error=error)
        self.update(finished)
        return finished

    def get(self, id: str) -> Run | None:  # noqa: A002 (the word of the table)
        """A run; None if there is none of this id."""
        with self.database.read() as connection:
            row = connection.execute(select(batch_runs).where(batch_runs.c.id == id)).one_or_none()
            return None if row is None else _run(row)

    def list(self, limit: int = 100, status: Status | None = None, before: tuple[int, str] | None = None) -> list[Run]:
        """The newest runs, newest first; `before`: those that come behind the run of this start and id."""
        chosen = select(batch_runs).order_by(batch_runs.c.started.desc(), batch_runs.c.id.desc()).limit(limit)
        if before is not None:
            chosen = chosen.where(tuple_(batch_runs.c.started, batch_runs.c.id) < before)
        if status is not None:
            chosen = chosen.where(batch_runs.c.status == status)
        with self.database.read() as connection:
            return [_run(row) for row in connection.execute(chosen)]


_JSON = ("stages", "report", "problems")


def _values(run: Run) -> dict[str, Any]:
    values = {column.name: getattr(run, column.name) for column in batch_runs.columns}
    return {**values, **{name: orjson.dumps(values[name]).decode() for name in _JSON}}


def _run(row: Row[Any]) -> Run:
    values = dict(row._mapping)
    return Run(**{**values, **{name: orjson.loads(values[name]) for name in _JSON}})
