"""Asking a service that runs, as commands do: where it is, with the key, and without waiting long."""

from __future__ import annotations

import http.client
import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from infra.errors import RefusedError
from infra.settings import Settings

LOCK = "up.lock"
"""The file in a home in which `infra.up` says who serves it, and where: ``pid 17, http://127.0.0.1:8000``."""
_TIMEOUT_SECONDS = 3


class ServiceClient:
    """Asks the service at an address. Answers are None while nobody is there.

    Parameters
    ----------
    address
        Like ``http://127.0.0.1:8000``.
    key
        The API key; None: none is sent.
    """

    def __init__(self, address: str, key: str | None = None):
        self.address = address
        self._headers = {} if key is None else {"Authorization": f"Bearer {key}"}

    @classmethod
    def of(cls, settings: Settings) -> ServiceClient:
        """The service of the settings: at `host` and `port` if they were set, else where the home says."""
        key = None if settings.api_key is None else settings.api_key.get_secret_value()
        given = settings.model_fields_set & {"host", "port"}
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        address = None if given else address_in(settings.home)
        return cls(address or f"http://{host}:{settings.port}", key)

    def json(self, path: str) -> dict[str, Any] | None:
        """The object that is answered there.

        Raises
        ------
        RefusedError
            If the key is missing or wrong.
        """
        body = self._get(path)
        if body is None:
            return None
        try:
            answer = json.loads(body)
        except ValueError:
            return None
        return answer if isinstance(answer, dict) else None

    def metrics(self) -> dict[str, Metric] | None:
        """The families of ``GET /metrics`` by name; counters without ``_total``. Raises as `json` does."""
        body = self._get("/metrics")
        if body is None:
            return None
        try:
            return {family.name: family for family in text_string_to_metric_families(body.decode())}
        except ValueError:
            return None

    def _get(self, path: str) -> bytes | None:
        place = urlsplit(self.address)
        connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=_TIMEOUT_SECONDS)
        try:
            connection.request("GET", path, headers=self._headers)
            response = connection.getresponse()
            body = response.read()
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()
        if response.status in (401, 421, 429):
            raise RefusedError(self.address, response.status)
        return body if response.status == 200 else None


def address_in(home: Path) -> str | None:
    """Where the process that serves a home listens; None if it says nothing, or is gone.

    The lock itself is not tried: who holds it for a moment could keep a service from starting.
    """
    try:
        who, _, address = (home / LOCK).read_text().strip().partition(", ")
    except OSError:  # there is none, or the home is another user's
        return None
    try:
        os.kill(int(who.removeprefix("pid ")), 0)
    except PermissionError:  # it is another user's
        return address
    except (OSError, ValueError, OverflowError):  # gone, or what is written there is no process
        return None
    return address or None
