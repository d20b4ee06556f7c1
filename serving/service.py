"""What the API is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from anabranch import App
from batch.generations import Generations
from eventlog.counting.latency_buckets import LatencyBuckets
from eventlog.intake.door import BodyLimits
from eventlog.log import Log
from eventlog.registry.dead_letters import DeadLetters
from eventlog.registry.runs import Runs
from serving.http.hosts import ServedNames
from serving.http.request_memory import RequestMemory
from serving.models.prediction_recorder import Recorder
from serving.sql.runner_pool import RunnerPool
from speed.reader import SpeedReader


@dataclass(frozen=True, slots=True)
class Service:
    """The collaborators of the API, made and ended by others.

    Attributes
    ----------
    app
        Whose streams, views and models are served.
    log, dead_letters, runs
        Where events, rejected events and batch runs are kept.
    speed, generations
        What answers for the speed part and for the batch part.
    counts
        How many events each stream has, by name; a stream without events may be missing.
    limits
        How large a request may be.
    api_key
        What every request but ``/healthz`` must carry; None: nothing.
    start_batch
        Starts a batch run (all over again if its argument is true) without waiting for its end; returns its id, or
        raises `batch.errors.LeaseHeldError` if one is going on and `serving.errors.BatchNotStartedError` if it cannot.
    clock
        Microseconds since 1970.
    recorder
        Keeps predictions.
    rates
        (start in microseconds, events appended by stream) of each of the last few seconds-long buckets.
    commits
        How long commits to the log took, and how many failed.
    next_run
        When the next batch run is scheduled, in microseconds; None: none is.
    memory
        What all requests together may take.
    sql
        Runs statements; None: there is no ``/v1/sql``.
    served_names
        Under which names the service may be asked; None: under any.
    sessions_file
        Where the sessions of browsers are kept; None: in memory alone.
    """

    app: App
    log: Log
    speed: SpeedReader
    generations: Generations
    dead_letters: DeadLetters
    runs: Runs
    counts: Callable[[], Mapping[str, int]]
    limits: BodyLimits
    api_key: str | None
    start_batch: Callable[[bool], str]
    clock: Callable[[], int]
    recorder: Recorder
    rates: Callable[[], Sequence[tuple[int, Mapping[str, int]]]] = tuple
    commits: LatencyBuckets = field(default_factory=LatencyBuckets)
    next_run: Callable[[], int | None] = lambda: None
    memory: RequestMemory = field(default_factory=lambda: RequestMemory(512 * 2**20))
    sql: RunnerPool | None = None
    served_names: ServedNames | None = None
    sessions_file: Path | None = None
