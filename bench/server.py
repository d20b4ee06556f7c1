"""Real server processes on 127.0.0.1."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

APPLICATION = Path(__file__).with_name("application.py")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def get(port: int, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=130)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


@contextmanager
def running(command: list[str], port: int, ready: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that answers 200 at `ready`; ended when the block ends."""
    process = subprocess.Popen(
        command, env={**os.environ, **environment}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_ready(process, port, ready)
        yield process
    finally:
        process.terminate()
        process.wait(60)


def wait_ready(process: subprocess.Popen[bytes], port: int, path: str, timeout_seconds: float = 120.0) -> None:
    """Return as soon as `path` answers 200."""
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode}")
        try:
            if get(port, path)[0] == 200:
                return
        except OSError:
            pass
        time.sleep(0.01)
    raise RuntimeError(f"not ready after {timeout_seconds} s")


def up_command(home: Path, port: int, application: Path = APPLICATION) -> list[str]:
    return [sys.executable, "-m", "infra.cli", "up", str(application), "--home", str(home), "--port", str(port)]


@contextmanager
def up(home: Path, port: int, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """``anabranch up`` on the benchmark's application."""
    with running(up_command(home, port), port, "/readyz", **environment) as process:
        yield process


@contextmanager
def empty_route(port: int) -> Iterator[subprocess.Popen[bytes]]:
    """A FastAPI application with one route that does nothing, served as ``up`` serves ours."""
    command = [sys.executable, "-m", "uvicorn", "bench.empty:app", "--port", str(port), "--no-access-log"]
    with running([*command, "--log-level", "warning"], port, "/") as process:
        yield process


def resident_mib(pid: int) -> float:
    """The resident memory of a process, in MiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"no memory figure for process {pid}")
