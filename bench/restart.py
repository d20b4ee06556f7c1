"""Restart with a million records since the last checkpoint."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from bench.data import appends
from bench.report import Figure, at_most
from bench.server import free_port, up_command, wait_ready
from eventlog.log.sql_log import SqlLog
from eventlog.registry.database import Database

EVENTS = 1_000_000


def run(home: Path) -> list[Figure]:
    log = SqlLog(Database(f"sqlite:///{home}/log.db"), None)
    for append in appends(EVENTS):
        log.append(append)
    log.close()
    port = free_port()
    begun = time.perf_counter()
    command = up_command(home, port)
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_ready(process, port, "/readyz")
        seconds = time.perf_counter() - begun
    finally:
        process.terminate()
        process.wait(60)
    return [at_most("restart with 1 M records to fold", seconds, "s", 15.0, f"{EVENTS / seconds:,.0f} records/s")]
