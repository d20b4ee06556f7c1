"""A way to a server that speaks HTTP, such as a bucket, on which answers are refused, missing or torn when asked to."""

from __future__ import annotations

import http.client
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Literal

Fault = Literal["503", "404", "half"]
"""``half``: the connection is closed in the middle of the body."""
_FIXED = {"connection", "transfer-encoding", "content-length", "date", "server"}


class FaultyWay:
    """Hands requests on to a server of this machine, and its answers back.

    Parameters
    ----------
    port
        Of the server.

    Attributes
    ----------
    fault
        Asked for each request, by method and path; None: it is answered as ever.
    asked
        How often there was a fault.
    """

    def __init__(self, port: int):
        self.fault: Callable[[str, str], Fault | None] = lambda method, path: None
        self.asked = 0
        way = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one_request(self) -> None:
                try:
                    super().handle_one_request()
                except ConnectionError:  # the client has gone
                    self.close_connection = True

            def answer(self) -> None:
                way._answer(self, port)

            do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = answer  # noqa: N815 (the names of the library)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    def close(self) -> None:
        """Let nobody through any more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, asked: BaseHTTPRequestHandler, port: int) -> None:
        sent = _body(asked)
        fault = self.fault(asked.command, asked.path)
        if fault is not None:
            self.asked += 1
        if fault in ("503", "404"):
            _give(asked, int(fault), {}, b"")
            return
        status, headers, body = _handed_on(asked, sent, port)
        _give(asked, status, headers, body, only=len(body) // 2 if fault == "half" else None)


def _body(asked: BaseHTTPRequestHandler) -> bytes:
    if "chunked" not in asked.headers.get("Transfer-Encoding", ""):
        return asked.rfile.read(int(asked.headers.get("Content-Length", 0)))
    found = b""
    while size := int(asked.rfile.readline().split(b";")[0], 16):
        found += asked.rfile.read(size)
        asked.rfile.readline()
    asked.rfile.readline()
    return found


def _handed_on(asked: BaseHTTPRequestHandler, sent: bytes, port: int) -> tuple[int, dict[str, str], bytes]:
    server = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        # the Host of the client, of which the signature is
        server.putrequest(asked.command, asked.path, skip_host=True, skip_accept_encoding=True)
        for name, value in asked.headers.items():
            if name.lower() not in ("connection", "transfer-encoding", "content-length"):
                server.putheader(name, value)
        server.putheader("Content-Length", str(len(sent)))
        server.endheaders(sent)
        answer = server.getresponse()
        headers = dict(answer.getheaders())
        if asked.command == "HEAD":
            return answer.status, headers, b""
        return answer.status, {n: v for n, v in headers.items() if n.lower() not in _FIXED}, answer.read()
    finally:
        server.close()


def _give(
    asked: BaseHTTPRequestHandler, status: int, headers: dict[str, str], body: bytes, only: int | None = None
) -> None:
    asked.send_response_only(status)
    for name, value in headers.items():
        if asked.command == "HEAD" or name.lower() not in _FIXED:
            asked.send_header(name, value)
    if asked.command != "HEAD" or not headers:
        asked.send_header("Content-Length", str(len(body)))
    asked.end_headers()
    asked.wfile.write(body if only is None else body[:only])
    if only is not None:
        asked.close_connection = True
