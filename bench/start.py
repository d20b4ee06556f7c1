"""``anabranch up`` on an empty home."""

from __future__ import annotations

import statistics
import subprocess
import time
from pathlib import Path

from bench.report import Figure, at_most
from bench.server import free_port, resident_mib, up_command, wait_ready

ROUNDS = 5


def run(home: Path) -> list[Figure]:
    seconds, mib = [], []
    for number in range(ROUNDS):
        port = free_port()
        begun = time.perf_counter()
        command = up_command(home / str(number), port)
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_ready(process, port, "/readyz")
            seconds.append(time.perf_counter() - begun)
            mib.append(resident_mib(process.pid))
        finally:
            process.terminate()
            process.wait(60)
    return [
        at_most("start on an empty home", statistics.median(seconds), "s", 3.0),
        at_most("resident memory then", statistics.median(mib), "MiB", 250.0),
    ]
