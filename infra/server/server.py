"""The server of a service."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import Counter
from contextlib import nullcontext
from functools import partial
from types import FrameType

import uvicorn

from infra import logs
from infra.server.connection import REASONS, Connection
from infra.server.limits import ConnectionLimits
from serving.api import create_api
from serving.service import Service

logger = logging.getLogger(__name__)
_DRAIN_SECONDS = 10
_KEEP_ALIVE_SECONDS = 75
"""Longer than the 60 s of most proxies: whoever ends an idle connection first loses no request to the other."""
_TOLD_SECONDS = 60.0
"""How often connections that were ended are told, at most."""
_TICKS_A_SECOND = 10
"""How often uvicorn looks around."""


class Server(uvicorn.Server):
    """Serves a service until `stop`. Signals are left to `up`: after the last request comes a checkpoint.

    Parameters
    ----------
    service
        What is served.
    greeting
        What it prints once it answers.
    limits
        What connections are held to.
    """

    def __init__(self, service: Service, greeting: str, limits: ConnectionLimits):
        self._ended = Counter(dict.fromkeys(REASONS, 0))
        self._told: Counter[str] = Counter()
        super().__init__(
            uvicorn.Config(
                create_api(service, self._ended),
                loop="uvloop",
                http=partial(Connection, limits=limits, ended=self._ended),  # type: ignore[arg-type]  # it is called like the class
                ws="none",
                proxy_headers=False,
                lifespan="off",
                access_log=False,
                log_config=None,
                server_header=False,
                timeout_keep_alive=_KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=_DRAIN_SECONDS,
            )
        )
        self.greeting = greeting
        self._told_at = 0.0

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        print(self.greeting, flush=True)
        if logs.is_json():  # elsewhere it would stand there twice
            logger.info("%s", self.greeting)

    async def on_tick(self, counter: int) -> bool:
        if counter % _TICKS_A_SECOND == 0:
            now = asyncio.get_running_loop().time()
            for connection in tuple(self.server_state.connections):
                if isinstance(connection, Connection):
                    connection.hold_to_time(now)
            if now >= self._told_at + _TOLD_SECONDS and (news := self._ended - self._told):
                self._tell(news)
                self._told_at = now
        return await super().on_tick(counter)

    def _tell(self, news: Counter[str]) -> None:
        """One line for many: whoever attacks must not fill the log."""
        counts = ", ".join(f"{count:,} {reason}" for reason, count in news.most_common())
        logger.warning("connections were ended before their time: %s", counts)
        self._told += news

    def capture_signals(self) -> nullcontext[None]:  # type: ignore[override]  # uvicorn's is a generator
        return nullcontext()

    def stop(self, number: int, frame: FrameType | None) -> None:
        """Stop accepting and finish what was begun; asked again, finish at once."""
        self.force_exit = self.should_exit
        self.should_exit = True
