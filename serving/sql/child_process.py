"""A process that answers messages, and the other end of its pipes.

A message is a JSON object and some bytes. The child reads them from its standard input, one after the other, and
ends when there is nobody left to send one. It is killed when it does not answer in time.
"""

from __future__ import annotations

import os
import queue
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import IO, Any

import orjson

_HEAD = struct.Struct("<IQ")
Message = tuple[dict[str, Any], bytes]


class ChildEndedError(Exception):
    """The child ended before it answered.

    Attributes
    ----------
    late
        Whether it was killed, because its time was over.
    """

    def __init__(self, late: bool):
        self.late = late
        super().__init__("it did not answer in time" if late else "it ended")


class ChildProcess:
    """A child process. One thread at a time asks it.

    Parameters
    ----------
    command
        What it runs: a module whose `main` calls `answer_all`.
    environment
        All that it knows of the environment; None: what we know.
    folder
        Its working directory; None: ours.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str] | None = None, folder: str | None = None):
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            cwd=folder,
            start_new_session=True,  # Ctrl-C is for the service, which ends it
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, message: Mapping[str, Any], seconds: float | None) -> Message:
        """Send a message and wait for the answer.

        Raises
        ------
        ChildEndedError
            If there is none within `seconds`, or at all. The child is dead then.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        late = threading.Event()

        def kill() -> None:
            late.set()
            self._process.kill()

        timer = None if seconds is None else threading.Timer(seconds, kill)
        if timer is not None:
            timer.daemon = True
            timer.start()
        try:
            _write(self._process.stdin, orjson.dumps(message), b"")
            return _read(self._process.stdout)
        except (OSError, EOFError, ValueError):
            self.end()
            raise ChildEndedError(late.is_set()) from None
        finally:
            if timer is not None:
                timer.cancel()

    def end(self) -> None:
        """Kill it. Safe to call twice, and from another thread than asks it."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            try:
                if pipe is not None:
                    pipe.close()
            except OSError:  # what it could not be told any more
                pass


def answer_all(answer: Callable[[dict[str, Any]], Message]) -> None:
    """Answer what comes on standard input until it ends; then end the process, whatever it is at."""
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what anybody prints must not come between
    for message in _messages():
        head, body = answer(message)
        _write(replies, orjson.dumps(head), body)


def _messages() -> Iterator[dict[str, Any]]:
    """What comes in. A thread reads, so that the end of the parent is noticed in the middle of work."""
    waiting: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()

    def read() -> None:
        source = os.fdopen(os.dup(0), "rb")
        try:
            while True:
                waiting.put(_read(source)[0])
        except (EOFError, OSError):
            os._exit(0)

    threading.Thread(target=read, name="messages", daemon=True).start()
    while True:
        yield waiting.get()


def _write(pipe: IO[bytes], head: bytes, body: bytes) -> None:
    pipe.write(_HEAD.pack(len(head), len(body)) + head)
    if body:
        pipe.write(body)
    pipe.flush()


def _read(pipe: IO[bytes]) -> Message:
    head_bytes, body_bytes = _HEAD.unpack(_exactly(pipe, _HEAD.size))
    head: dict[str, Any] = orjson.loads(_exactly(pipe, head_bytes))
    return head, _exactly(pipe, body_bytes)


def _exactly(pipe: IO[bytes], size: int) -> bytes:
    found = pipe.read(size)
    if len(found) < size:
        raise EOFError
    return found
