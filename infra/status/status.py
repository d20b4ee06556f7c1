"""``anabranch status``: how things stand, from the running service if there is one, else from the disk."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from anabranch.errors import AnabranchError
from anabranch.instant import instant_us, iso
from eventlog.clock import now_us
from eventlog.decisions import publications
from infra.composition import Process, opened
from infra.errors import RefusedError
from infra.service_client import ServiceClient
from infra.settings import Settings
from infra.status.metric_figures import Figures

Status = dict[str, Any]
EXIT_CODES = {"ready": 0, "not ready": 1, "refused": 1, "none": 3}
"""With ``--check``, by what `service` says; 3 means "not running" ever since System V (LSB, init scripts)."""
WATCH_SECONDS = 2.0
_SAMPLED_SECONDS = 0.5
_RUNS = 3
_MINUTE_SECONDS = 60
_SNAPSHOT = "/dashboard/snapshot"
_NOTHING: Status = {
    "app": None,
    "problem": None,
    "read_only": None,
    "warnings": [],
    "log_end": None,
    "batch_cut": None,
    "speed_cut": None,
    "lag_seconds": None,
    "ahead_seconds": {},
    "ingest_per_second": None,
    "fold_per_second": None,
    "predictions_per_second": None,
    "epochs": [],
    "memory_bytes": None,
    "views": {},
    "predict": {},
    "models": [],
    "rejected": {},
    "rejected_dropped": {},
    "generation": None,
    "generation_age_seconds": None,
    "runs": [],
    "next_run": None,
}
"""Every field besides ``time``, ``service``, ``address`` and ``home``; docs/operations.md says what they are."""


def show_status(settings: Settings, *, watch: bool = False, as_json: bool = False, check: bool = False) -> int:
    """Print it, once or until Ctrl-C; returns the exit code."""
    statuses = _statuses(settings, WATCH_SECONDS if watch else None)
    if as_json:
        return _print_json(statuses, watch, check)
    from infra.status.status_table import print_status, watch_statuses  # rich takes a while, and scripts need none

    if watch:
        return _until_interrupted(lambda: watch_statuses(statuses))
    status = next(statuses)
    print_status(status)
    return _exit_code(status, check)


def _exit_code(status: Status, check: bool) -> int:
    return EXIT_CODES[status["service"]] if check else int(status["service"] == "refused")


def _print_json(statuses: Iterator[Status], watch: bool, check: bool) -> int:
    def write() -> Status:
        status = next(statuses)
        print(json.dumps(status, ensure_ascii=False), flush=True)
        return status

    def write_all() -> None:
        while True:
            write()

    return _until_interrupted(write_all) if watch else _exit_code(write(), check)


def _until_interrupted(work: Callable[[], None]) -> int:
    """Do something endless; that somebody ends it is how it should end."""
    for number in (signal.SIGINT, signal.SIGTERM):  # both leave the terminal as it was, also if a shell ignored one
        signal.signal(number, signal.default_int_handler)
    try:
        work()
    except KeyboardInterrupt:
        pass
    except BrokenPipeError:  # nobody reads on
        sys.stderr.close()
    return 0


def _statuses(settings: Settings, every_seconds: float | None) -> Iterator[Status]:
    """How things stand, again and again. Rates are those since the look before."""
    client = ServiceClient.of(settings)
    earlier = _figures(client)
    if earlier is not None:
        time.sleep(_SAMPLED_SECONDS)
    while True:
        status, earlier = status_of(settings, client, earlier)
        yield status
        time.sleep(every_seconds or 0.0)
        client = ServiceClient.of(settings)  # it may come back elsewhere


def status_of(
    settings: Settings, client: ServiceClient, earlier: Figures | None = None
) -> tuple[Status, Figures | None]:
    """How things stand now, and the figures to compare the next ones with."""
    status = {"time": iso(now_us()), "service": "none", "address": client.address, "home": str(settings.home.resolve())}
    try:
        snapshot, families = client.json(_SNAPSHOT), client.metrics()
    except RefusedError as error:
        return {**status, **_NOTHING, "service": "refused", "problem": str(error)}, None
    if snapshot is None or families is None:
        return {**status, **_NOTHING, **_of_disk(settings)}, None
    figures = Figures(families)
    return {**status, **_NOTHING, **_of_service(snapshot), **_of_figures(figures, earlier)}, figures


def _figures(client: ServiceClient) -> Figures | None:
    try:
        families = client.metrics()
    except RefusedError:
        return None
    return None if families is None else Figures(families)


def _of_service(snapshot: Mapping[str, Any]) -> Status:
    told = {name: snapshot[name] for name in _NOTHING if name in snapshot}
    problem = snapshot.get("read_only") or snapshot["problem"]
    if problem is None and not snapshot["caught_up"]:
        problem = f"the fold is catching up: it is at {snapshot['speed_cut']}, the log ends at {snapshot['log_end']}"
    return {
        **told,
        "service": "ready" if problem is None else "not ready",
        "problem": problem,
        "runs": [_without_report(run) for run in snapshot["runs"][:_RUNS]],
        "ingest_per_second": _per_second(snapshot["rates"], "events"),
        "predictions_per_second": _per_second(snapshot["rates"], "predictions"),
    }


def _per_second(rates: Mapping[str, Any] | None, what: str) -> float | None:
    """The mean of the last whole minute; the newest bucket is not full."""
    if rates is None:
        return None
    counts: list[int] = rates[what][:-1][-round(_MINUTE_SECONDS / rates["seconds"]) :]
    return round(sum(counts) / (len(counts) * float(rates["seconds"])), 3)


def _of_figures(figures: Figures, earlier: Figures | None) -> Status:
    return {
        "fold_per_second": None if earlier is None else figures.rate_since(earlier, "anabranch_records_folded"),
        "memory_bytes": figures.value("process_resident_memory_bytes"),
        "views": figures.views(),
        "predict": figures.predict(),
        "generation_age_seconds": figures.value("anabranch_generation_age_seconds"),
    }


def _of_disk(settings: Settings) -> Status:
    """What is known without a service. Looking leaves no trace: where there is no home, none is made."""
    if not settings.home.is_dir():
        return {"problem": "there is no home yet"}
    try:
        with opened(settings) as process:
            return _of_home(process)
    except AnabranchError as error:
        return {"problem": str(error)}


def _of_home(process: Process) -> Status:
    from serving.routes.batch import describe

    misfit = process.check_fit()
    newest = next(iter(publications(process.log)), None)
    checkpoint = next(iter(process.checkpoints.newest_first()), None)
    status: Status = {
        "read_only": None if misfit is None else str(misfit),
        "log_end": str(process.log.end()),
        "speed_cut": None if checkpoint is None else f"0:{int(checkpoint.stem)}",
        "runs": [_without_report(describe(run, process.clock())) for run in process.runs.list(_RUNS)],
    }
    try:
        process.lake.glance()
    except AnabranchError as error:
        status["problem"] = str(error)
    if newest is not None:
        status |= {"generation": newest.generation, "batch_cut": str(newest.cut)}
        try:
            created = process.generation(newest).manifest["created"]
            status["generation_age_seconds"] = (process.clock() - instant_us(created)) / 1e6
        except (AnabranchError, KeyError) as error:
            status["problem"] = str(error)
    status["problem"] = status["read_only"] or status.get("problem")
    return status


def _without_report(run: Mapping[str, Any]) -> Status:
    return {name: value for name, value in run.items() if name != "models"}
