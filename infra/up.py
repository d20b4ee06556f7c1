"""``anabranch up``: the log, the fold and the API in one process."""

from __future__ import annotations

import gc
import ipaddress
import logging
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from zoneinfo import ZoneInfo

from eventlog.counting.append_rates import AppendRates
from eventlog.intake.door import BodyLimits
from eventlog.log.event_finder import EventFinder
from infra import logs
from infra.analytics.analytics import Analytics, runner_pool_of
from infra.batch_command import BatchStarter
from infra.children import end_children
from infra.composition import Process, opened
from infra.errors import UsageError
from infra.fit_watch import FitWatch
from infra.home import exposure_of, locked_home
from infra.retraining import Retraining
from infra.scheduling import Schedule, Scheduler
from infra.server import Server
from infra.server.limits import ConnectionLimits, connections_with_files
from infra.server.names import served_names
from infra.service_client import LOCK
from infra.settings import Settings
from serving.http.request_memory import RequestMemory
from serving.models.prediction_recorder import Recorder
from serving.service import Service
from speed.reader import SpeedReader

logger = logging.getLogger(__name__)
_BACKLOG = 2048
_SWITCH_SECONDS = 0.0005
_GC_THRESHOLDS = (50_000, 20, 50)


def up(settings: Settings) -> None:
    """Serve until SIGTERM, SIGINT or SIGHUP: then finish what was begun, end batch runs, and checkpoint.

    Raises
    ------
    UsageError
        If the host is not loopback and there is no API key, or the address is taken.
    AlreadyRunningError
        If another process serves this home.
    """
    check_exposure(settings)
    logs.set_up(settings.log_format, access=settings.logs_requests)
    # the home before the address: else clients would connect to, and wait for, a service that finds its home taken
    with opened(settings) as process, locked_home(process.home), _listening(settings) as listener:
        exposure = exposure_of(process.home)
        if exposure is not None:
            logger.warning("%s", exposure)
        address = _address(settings.host, listener)
        process.check_store(may_be_away=True)
        # only now: with --port 0 the system has chosen the port
        (process.home / LOCK).write_text(f"pid {os.getpid()}, {address}\n")
        watch = FitWatch(process)
        watch.look()
        consumer = process.consumer(Retraining(process, BatchStarter(process).start).on_drift)
        greeting = f"{process.app.name} is served at {address} (docs: {address}/docs)"
        recorder = recorder_of(process)
        scheduler = scheduler_of(process)
        analytics = Analytics.of(process, consumer.reader)
        runner_pool = runner_pool_of(process, analytics)
        service = replace(
            service_of(process, consumer.reader, recorder, scheduler),
            sql=runner_pool,
            served_names=served_names(settings, listener),
        )
        server = Server(service, greeting, _limits(settings))
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if number == signal.SIGINT or signal.getsignal(number) is not signal.SIG_IGN:  # as nohup has it
                signal.signal(number, server.stop)
        consumer.start()
        recorder.start()
        try:
            with watch, _at_work(scheduler), closing(runner_pool), analytics:
                _tune()
                server.run([listener])
        finally:
            # who writes into the log ends before the fold does: of what they still write the less is left to fold again
            end_children()
            recorder.close()
            consumer.stop()


def scheduler_of(process: Process) -> Scheduler | None:
    """What starts batch runs when they are due, if the settings say when; it was not started."""
    settings = process.settings
    if settings.batch_cron is None or process.log.misfit is not None:
        return None
    schedule = Schedule(settings.batch_cron, ZoneInfo(settings.batch_timezone))
    return Scheduler(schedule, process.runs, BatchStarter(process).start, process.clock)


@contextmanager
def _at_work(scheduler: Scheduler | None) -> Iterator[None]:
    """Have the scheduler, if there is one, work meanwhile."""
    if scheduler is None:
        yield
        return
    scheduler.start()
    try:
        yield
    finally:
        scheduler.stop()


def check_exposure(settings: Settings) -> None:
    """Refuse to be reachable from other machines, or under any name, without an API key."""
    if settings.api_key is None and "*" in settings.allowed_names:
        raise UsageError(
            "ANABRANCH_ALLOWED_HOSTS=* lets any page in a browser of this machine ask the service; set"
            " ANABRANCH_API_KEY first, or name the hosts"
        )
    if settings.api_key is None and not _is_loopback(settings.host):
        raise UsageError(
            f"--host {settings.host} can be reached from other machines; set ANABRANCH_API_KEY first,"
            " or listen on 127.0.0.1"
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def recorder_of(process: Process) -> Recorder:
    """What keeps predictions; it was not started."""
    finder = EventFinder(process.database, process.log, process.lake)
    recording = process.settings.record_predictions and process.log.misfit is None
    return Recorder(process.log, finder, recording=recording)


def service_of(process: Process, speed: SpeedReader, recorder: Recorder, scheduler: Scheduler | None = None) -> Service:
    """What the API is made of."""
    settings = process.settings
    return Service(
        app=process.app,
        log=process.log,
        speed=speed,
        generations=process.generations,
        dead_letters=process.dead_letters,
        runs=process.runs,
        counts=process.counts.by_stream,
        limits=BodyLimits(
            max_body_bytes=settings.max_body_bytes,
            max_events=settings.max_events,
            max_event_bytes=settings.max_event_bytes,
            max_future_us=settings.max_future_us,
        ),
        memory=RequestMemory(settings.request_memory_bytes),
        api_key=None if settings.api_key is None else settings.api_key.get_secret_value(),
        start_batch=BatchStarter(process).start,
        clock=process.clock,
        recorder=recorder,
        rates=AppendRates(process.database, process.clock).by_bucket,
        commits=process.log.commits,
        next_run=lambda: None if scheduler is None else scheduler.next_run,
        sessions_file=process.home / "sessions.json",
    )


def _limits(settings: Settings) -> ConnectionLimits:
    return ConnectionLimits(
        connections=connections_with_files(settings.max_connections),
        head_bytes=settings.max_head_bytes,
        head_seconds=settings.head_timeout_seconds,
        request_seconds=settings.request_timeout_seconds,
    )


# the address is for one process


@contextmanager
def _listening(settings: Settings) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((settings.host, settings.port))
        except OSError as error:
            raise UsageError(
                f"cannot listen on {settings.host}:{settings.port} ({error.strerror}); pass another --port"
            ) from None
        listener.listen(_BACKLOG)
        yield listener


def _address(host: str, listener: socket.socket) -> str:
    port = listener.getsockname()[1]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _tune() -> None:
    """Trade a little throughput of the fold for the latency of requests."""
    gc.collect()
    gc.freeze()  # what is loaded by now stays; the collector need not look at it again
    gc.set_threshold(*_GC_THRESHOLDS)
    sys.setswitchinterval(_SWITCH_SECONDS)
