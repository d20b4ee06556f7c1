"""A client of a running service, as the demonstration needs one: it waits, posts, and asks."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from infra.errors import UsageError

_TIMEOUT_SECONDS = 60


class Client:
    """One connection to a service on this machine, kept open.

    Parameters
    ----------
    port
        Where it listens.
    """

    def __init__(self, port: int):
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_SECONDS)

    def post(self, stream: str, lines: Sequence[bytes]) -> dict[str, Any]:
        """Post events as NDJSON; the answer comes when they are durable."""
        headers = {"Content-Type": "application/x-ndjson"}
        return self._ask("POST", f"/v1/streams/{stream}/events", b"\n".join(lines), headers)

    def ask(self, path: str, body: bytes) -> dict[str, Any]:
        """Ask for something with a body of JSON."""
        return self._ask("POST", path, body, {"Content-Type": "application/json"})

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        """Ask for something."""
        asked = f"{path}?{urlencode(query)}" if query else path
        try:
            return self._ask("GET", asked)
        except (http.client.RemoteDisconnected, ConnectionError):  # the service closes a connection that was long idle
            self.close()
            return self._ask("GET", asked)

    def wait_until_ready(self, deadline_seconds: float = 120.0) -> None:
        """Wait for the service to start and to catch up; raises `UsageError` if it does not in time."""
        deadline = time.monotonic() + deadline_seconds
        while time.monotonic() < deadline:
            try:
                self.get("/readyz")
                return
            except (OSError, http.client.HTTPException, UsageError):
                self.close()
                time.sleep(0.05)
        raise UsageError(f"the service did not get ready within {deadline_seconds:.0f} s")

    def wait_until_past(self, position: str, deadline_seconds: float) -> None:
        """Wait until the fold has passed a position; raises `UsageError` if it has not in time."""
        wanted, deadline = int(position.partition(":")[2]), time.monotonic() + deadline_seconds
        while int(self.get("/readyz")["speed_cut"].partition(":")[2]) < wanted:
            if time.monotonic() > deadline:
                raise UsageError(f"the fold did not come to {position} within {deadline_seconds:.0f} s")
            time.sleep(0.05)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _ask(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> dict[str, Any]:
        self._connection.request(method, path, body, headers or {})
        response = self._connection.getresponse()
        answer: dict[str, Any] = json.loads(response.read())
        if response.status >= 400:
            raise UsageError(f"{method} {path} was answered {response.status}: {answer.get('detail')}")
        return answer
