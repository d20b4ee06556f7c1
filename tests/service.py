"""A real service process, as tests start, kill and ask it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


QUIET = {
    "ANABRANCH_ANALYTICS_REFRESH": "off",  # few tests open the file, and its first writing takes as long as the start
    "OMP_NUM_THREADS": "1",  # threads that wait for each other on a busy machine are slower than one
}
"""What takes time and is looked at by tests of its own, which give what they want instead."""


class Service:
    """``anabranch up`` on an application and a home, started and ended as often as one likes."""

    def __init__(self, application: Path, home: Path, **environment: str):
        self.application = application
        self.home = home
        self.environment = {**os.environ, **QUIET, **environment}
        self.port = free_port()
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=60)
        self.output = home.with_name(home.name + ".output")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *, ready: bool = True) -> None:
        """Start it, and wait until it is ready; or until it answers that it is not, and serves what it has."""
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                self.command("up", str(self.application), "--port", str(self.port)),
                env=self.environment,
                stdout=output,
                stderr=output,
            )
        deadline = time.monotonic() + 180  # many may share the machine
        while time.monotonic() < deadline:
            assert self.process.poll() is None, f"the service ended at once:\n{self.output.read_text()}"
            try:
                if self.client.get("/readyz").status_code == (200 if ready else 503):
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.05)  # a process that starts tells nobody but by answering
        raise AssertionError(f"the service is not ready:\n{self.output.read_text()}")

    def kill(self) -> None:
        """End it as a power cut would."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process = None

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(60)
            self.process = None

    def __enter__(self) -> Service:
        """It is started, and closed whatever happens to it."""
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.stop()
        self.client.close()

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "infra.cli", *words, "--home", str(self.home)]

    def batch(self, *options: str) -> subprocess.Popen[bytes]:
        """A batch run, as cron starts it."""
        with self.output.open("ab") as output:
            return subprocess.Popen(
                self.command("batch", "run", str(self.application), *options),
                env=self.environment,
                stdout=output,
                stderr=output,
            )

    def post(self, stream: str, events: list[dict[str, Any]]) -> dict[str, Any]:
        response = self.client.post(f"/v1/streams/{stream}/events", json=events)
        assert response.status_code in (201, 207), response.text
        answer: dict[str, Any] = response.json()
        return answer

    def rows(self, view: str, after: str | None = None, **query: Any) -> list[dict[str, Any]]:
        """All rows of a view, page by page, once the fold has passed `after`."""
        query = {"limit": 500, **query, **({"after": after, "timeout_ms": 60_000} if after else {})}
        rows: list[dict[str, Any]] = []
        while True:
            response = self.client.get(f"/v1/views/{view}", params=query)
            assert response.status_code == 200, response.text
            answer = response.json()
            rows += answer["rows"]
            if not answer.get("next"):
                return rows
            query["next"] = answer["next"]

    def events(self, stream: str) -> list[dict[str, Any]]:
        """Everything in the log of a stream."""
        events: list[dict[str, Any]] = []
        after = "0:0"
        while True:
            answer = self.client.get(f"/v1/streams/{stream}/events", params={"after": after, "limit": 5000}).json()
            events += answer["events"]
            if answer["next"] == after:
                return events
            after = answer["next"]
