"""A way to PostgreSQL that breaks at a COMMIT: just before it arrives, or just before its answer does.

It can also hold that answer back, so that what waits for it can be killed.
"""

from __future__ import annotations

import socket
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
from typing import Literal

from sqlalchemy import make_url

When = Literal["before", "after", "hold"]


class BreakingWay:
    """Hands bytes between clients and the socket of a server, until it is told to break.

    Parameters
    ----------
    server
        The socket in the file system.
    url
        The URL of a database there.
    """

    def __init__(self, server: Path, url: str):
        self._server = str(server)
        self._listener = socket.create_server(("127.0.0.1", 0))
        host, port = self._listener.getsockname()
        query = {"sslmode": "disable", "gssencmode": "disable"}
        self.url = make_url(url).set(host=host, port=port, query=query).render_as_string(hide_password=False)
        self.broken = Event()
        self._when: When | None = None
        self._behind = b""
        self._open = True
        self._for_good = False
        self._threads = [Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def break_at_commit(self, when: When, *, for_good: bool = False, behind: bytes = b"") -> None:
        """Break at the next COMMIT, before the server has it or after, or hold its answer back.

        Parameters
        ----------
        for_good
            Let nobody in again, until `mend` is called.
        behind
            At the next COMMIT of a connection that has sent these bytes since its last one.
        """
        self.broken.clear()
        self._for_good = for_good
        self._behind = behind
        self._when = when

    def mend(self) -> None:
        """Let clients in again."""
        self._for_good = False

    def close(self) -> None:
        self._open = False
        socket.create_connection(self._listener.getsockname()).close()  # wakes who accepts
        for thread in self._threads:
            thread.join(30)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            client, _ = self._listener.accept()
            if not self._open or (self._for_good and self.broken.is_set()):
                client.close()
                if not self._open:
                    return
                continue
            server = socket.socket(socket.AF_UNIX)
            server.connect(self._server)
            sent = bytearray()  # since the last COMMIT
            answers = Thread(target=self._hand_back, args=(server, client, sent), daemon=True)
            asks = Thread(target=self._hand_on, args=(client, server, sent), daemon=True)
            self._threads += [answers, asks]
            answers.start()
            asks.start()

    def _hand_on(self, client: socket.socket, server: socket.socket, sent: bytearray) -> None:
        while asked := _received(client):
            sent += asked
            if self._when == "before" and b"COMMIT" in asked and self._behind in sent:
                self._break(client, server)
                return
            with suppress(OSError):
                server.sendall(asked)
        _end(server)

    def _hand_back(self, server: socket.socket, client: socket.socket, sent: bytearray) -> None:
        while answer := _received(server):
            if b"COMMIT\0" in answer:
                if self._when == "hold" and self._behind in sent:
                    self._when = None
                    self.broken.set()
                    continue
                if self._when == "after" and self._behind in sent:
                    self._break(client, server)
                    return
                sent.clear()
            with suppress(OSError):
                client.sendall(answer)
        _end(client)

    def _break(self, *ends: socket.socket) -> None:
        self._when = None
        self.broken.set()
        for end in ends:
            _end(end)


def _received(end: socket.socket) -> bytes:
    try:
        return end.recv(65536)
    except OSError:
        return b""


def _end(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
