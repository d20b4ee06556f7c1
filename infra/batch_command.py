"""Batch runs from the command line and from the API."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from subprocess import DEVNULL
from typing import Any

from rich.table import Table

from anabranch.instant import iso
from batch.errors import LeaseHeldError
from batch.run_progress import STAGES, CombinedProgress, NoProgress
from eventlog.errors import LogReadOnlyError, LogUnavailableError
from eventlog.registry.runs import Run
from infra import logs
from infra.children import Child
from infra.composition import Process
from infra.errors import UsageError
from infra.progress_display import LogProgress, progress
from infra.terminal import console
from serving.errors import BatchNotStartedError

logger = logging.getLogger(__name__)
EXIT_LEASE_HELD = 75
"""EX_TEMPFAIL of sysexits.h: try again later."""
_STARTED_SECONDS = 60.0
_POLL_SECONDS = 0.05


def run_batch(process: Process, *, full: bool, mend: bool = False) -> int:
    """One batch run in this process; returns the exit code: 0 published, 75 another run holds the lease.

    Raises
    ------
    LogReadOnlyError
        If the store does not fit the log. Nothing was changed.
    """
    from batch.run import run_batch as run_all_stages  # Dask and Arrow: only a batch run pays for them

    settings = process.settings
    process.check_store(may_be_away=False)
    assert process.app, "loaded before the run begins: a wrong definition must not leave a marker"
    process.settle(archiving=True)
    process.keep_needs()
    try:
        with LogProgress() if logs.is_json() else progress() as shown:
            outcome = run_all_stages(
                settings.app_reference,
                process.home,
                process.log,
                process.leases,
                process.runs,
                process.lake,
                replicas=process.replicas,
                full=full,
                mend=mend,
                dask=settings.dask,
                workers=settings.workers,
                slice_records=settings.slice_records,
                train_bytes=settings.train_bytes,
                retention_us=settings.retention_us,
                pickles=process.pickles,
                progress=CombinedProgress([_RunNamed(process), shown]),
                clock=process.clock,
            )
    except LeaseHeldError as error:
        if logs.is_json():
            logger.warning("%s", error)
        else:
            print(error, file=sys.stderr)
        return EXIT_LEASE_HELD
    for problem in outcome.problems:
        if logs.is_json():
            logger.warning("%s", problem)
        else:
            print(f"note: {problem}", file=sys.stderr)
    if logs.is_json():
        facts = {"generation": outcome.generation, "cut": str(outcome.cut), "events": outcome.events}
        logger.info("published generation %s: everything before %s", outcome.generation, outcome.cut, extra=facts)
    print(f"published generation {outcome.generation}: everything before {outcome.cut} (run {outcome.run})")
    return 0


class _RunNamed(NoProgress):
    """Has all that this process logs name its run, which has its name from its first stage on."""

    def __init__(self, process: Process):
        self._runs = process.runs

    def stage(self, name: str, total: int) -> None:
        if name == STAGES[0]:
            mine = [run.id for run in self._runs.list(1, status="running") if run.pid == os.getpid()]
            if mine:
                logs.tell_always(run=mine[0])


class BatchStarter:
    """Starts batch runs as processes of their own, for the API. They end with this one: see `infra.children`."""

    def __init__(self, process: Process):
        self.process = process

    def start(self, full: bool) -> str:
        """Start a run and return its id once it has begun.

        Raises
        ------
        LeaseHeldError
            If another run is at work.
        BatchNotStartedError
            If there is no process for it, or it ended before it began.
        LogReadOnlyError
            If the store does not fit the log.
        """
        if self.process.log.misfit is not None:
            raise LogReadOnlyError(self.process.log.misfit)
        since = self.process.clock()
        try:
            child = Child(
                self._command(full),
                stdin=DEVNULL,
                stdout=DEVNULL,
                start_new_session=True,  # Ctrl-C is for the service, which ends it
            )
        except OSError as error:  # no memory, or as many processes as there may be
            raise BatchNotStartedError(f"the batch run cannot be started: {error}") from error
        deadline = time.monotonic() + _STARTED_SECONDS
        while time.monotonic() < deadline:
            code = child.poll()
            run = self._run_of(child.pid, since)
            if run is not None:
                threading.Thread(target=_reap, args=(child, run), name=f"batch-{run}", daemon=True).start()
                return run
            if code == EXIT_LEASE_HELD:
                raise LeaseHeldError
            if code is not None:
                raise BatchNotStartedError(
                    f"the batch run ended with exit code {code} before it began; see the service's output"
                )
            time.sleep(_POLL_SECONDS)
        raise BatchNotStartedError(
            f"the batch run has not begun within {_STARTED_SECONDS:.0f} s; see anabranch batch list"
        )

    def _run_of(self, pid: int, since: int) -> str | None:
        """The run that a process has begun; pids are used again, so it must be a new one."""
        try:
            newest = self.process.runs.list(3)
        except LogUnavailableError:  # the process is there already, and may have begun by the next look
            return None
        return next((run.id for run in newest if run.pid == pid and run.started >= since), None)

    def _command(self, full: bool) -> list[str]:
        settings = self.process.settings
        # -P: what lies in the working directory, perhaps a user's infra/, is not what we start
        command = [sys.executable, "-P", "-m", "infra.cli", "batch", "run", settings.app_reference]
        command += ["--home", str(self.process.home), "--log-format", settings.log_format]
        return command + (["--full"] if full else [])


def _reap(child: Child, run: str) -> None:
    """Wait for the end of a run, so that it does not stay as a zombie."""
    code = child.wait()
    level = logging.INFO if code in (0, EXIT_LEASE_HELD) else logging.ERROR
    logger.log(level, "batch run %s ended with exit code %s", run, code, extra={"run": run, "exit_code": code})


def show_runs(process: Process, limit: int) -> None:
    """Print the newest runs."""
    table = Table("run", "status", "started", "seconds", "cut", "generation", "stage", box=None, pad_edge=False)
    for run in process.runs.list(limit):
        table.add_row(
            run.id,
            run.status,
            iso(run.started)[:19] + "Z",
            f"{_seconds(run, process.clock()):.1f}",
            run.cut or "",
            "" if run.generation is None else str(run.generation),
            run.stage or "",
        )
    console().print(table)


def show_run(process: Process, name: str) -> None:
    """Print one run with its stages; raises `UsageError` if there is none of this name."""
    run = process.runs.get(name)
    if run is None:
        raise UsageError(f"there is no batch run {name!r}; see anabranch batch list")
    out = console()
    out.print(f"[b]{run.id}[/b]  {run.status}{' (full)' if run.full else ''}")
    out.print(f"started {iso(run.started)}, {_seconds(run, process.clock()):.1f} s")
    if run.cut is not None:
        out.print(f"cut {run.cut}, generation {run.generation or 'none yet'}")
    if run.error:
        out.print(f"error: {run.error}", style="red", markup=False)
    for problem in run.problems:
        out.print(f"note: {problem}", style="yellow", markup=False)
    table = Table("stage", "done", "total", "seconds", box=None, pad_edge=False)
    for stage in run.stages:
        table.add_row(stage["name"], f"{stage['done']:,}", f"{stage['total']:,}", f"{stage['seconds']:.2f}")
    out.print(table)
    if run.report:
        show_models(run.report)


def show_models(report: dict[str, Any]) -> None:
    """Print what a run says of its models."""
    out = console()
    table = Table(
        "model", "candidate", "loss", "champion's", "verdict", "rows", "skew", "failed", box=None, pad_edge=False
    )
    for name, model in report.items():
        if not model["candidates"]:
            table.add_row(name, "", "", "", "not trained", "", "", f"{model['failed']['count']:,}")
        holdout = model["holdout"] or {"loss": None, "incumbent": None}
        for candidate, found in model["candidates"].items():
            won = candidate == model["candidate"]
            table.add_row(
                name,
                candidate,
                _loss(found.get("loss")) if "loss" in found else "[red]failed[/]",
                _loss(holdout["incumbent"]) if won else "",
                ("promoted" if model["promoted"] else "[red]rejected[/]") if won else "",
                f"{model['rows']:,}" if won else "",
                f"{model['skew']['unequal']} of {model['skew']['checked']}" if won else "",
                f"{model['failed']['count']:,}" if won else "",
            )
    out.print(table)
    for name, model in report.items():
        for candidate, found in model["candidates"].items():
            if "error" in found:
                out.print(f"{name}, {candidate}: {found['error']}", style="red", markup=False)
        for example in model["skew"]["examples"]:
            out.print(f"{name}, skew: {example}", style="red", markup=False)
        for example in model["failed"]["examples"]:
            out.print(f"{name}, {example['position']}: {example['reason']}", style="dim", markup=False)


def _loss(loss: float | None) -> str:
    return "" if loss is None else f"{loss:.6g}"


def _seconds(run: Run, now: int) -> float:
    return ((now if run.finished is None else run.finished) - run.started) / 1e6
