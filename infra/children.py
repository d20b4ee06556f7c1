"""Processes that a command starts, and how they end: with the command, whichever signal ends that.

A pipe is the line between the two. The command holds the end to write to and never writes; the child waits at the end
to read from (`end_with_parent`). When the command is gone, by whatever it was, the system closes its end, the wait is
over, and the child ends itself as SIGTERM would end it. That also holds for SIGKILL, under which nobody can clean up.

Linux has a signal for the death of a parent (``PR_SET_PDEATHSIG``), but it comes when the *thread* dies that started
the child, and threads of a service come and go.

Children that answer messages (`serving.sql.child_process`) have such a line in their standard input, and the workers of
a Dask cluster in a pipe of Dask's.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from types import FrameType
from typing import Any, NoReturn

_LINE = "ANABRANCH_PARENT_LINE"
"""The variable that tells a child the file descriptor of its end."""
END_SECONDS = 30.0
"""How long a process that is asked to end may take: a service finishes its requests and writes a checkpoint."""


class Child(subprocess.Popen[bytes]):
    """A process that ends with this one. Its program calls `end_with_parent` first of all.

    Parameters
    ----------
    command
        The program and its arguments.
    environment
        Its environment variables; None: ours.
    options
        As for `subprocess.Popen`.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str] | None = None, **options: Any):
        theirs, ours = os.pipe()  # not inherited by any other child
        try:
            line = {**(os.environ if environment is None else environment), _LINE: str(theirs)}
            super().__init__(command, env=line, pass_fds=(theirs,), **options)
        except BaseException:
            os.close(ours)
            raise
        finally:
            os.close(theirs)
        self._line: int | None = ours
        with _LOCK:
            _forget_ended()
            _CHILDREN.append(self)

    def end(self, seconds: float = END_SECONDS) -> int:
        """End it as SIGTERM does, or by force if that takes longer; returns its exit code. Safe to call twice."""
        if self.poll() is None:
            self.terminate()
            try:
                self.wait(seconds)
            except subprocess.TimeoutExpired:
                self.kill()
        return self.wait()

    def _let_go(self) -> None:
        if self._line is not None:
            os.close(self._line)
            self._line = None


_CHILDREN: list[Child] = []
"""Those that may be at work. A reference is kept, or the line would be dropped with it."""
_LOCK = threading.Lock()


def end_children() -> None:
    """End every child that is at work, the newest first: the last thing that a command does."""
    with _LOCK:
        at_work = list(_CHILDREN)
    for child in reversed(at_work):
        child.end()
    with _LOCK:
        _forget_ended()


def _forget_ended() -> None:
    for child in [child for child in _CHILDREN if child.returncode is not None]:
        _CHILDREN.remove(child)
        child._let_go()


def end_with_parent() -> None:
    """In a child: end when the process that started it is gone. Does nothing in a process that a person started."""
    line = os.environ.pop(_LINE, None)  # not for the children of this one: they have a line to this one
    if line is not None:
        threading.Thread(target=_wait_for_end, args=(int(line),), name="parent-line", daemon=True).start()


def _wait_for_end(line: int) -> None:
    os.read(line, 1)  # nothing ever comes but the end
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(END_SECONDS)
    os._exit(1)


def end_by_signals() -> None:
    """Have SIGTERM and SIGHUP end this process as Ctrl-C does: by an exception, so that it cleans up behind itself.

    A signal that is ignored (as under ``nohup``) stays ignored.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _end)


def _end(number: int, frame: FrameType | None) -> NoReturn:
    for other in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(other, signal.SIG_IGN)  # who asks twice must not keep it from cleaning up
    raise SystemExit(f"ended by {signal.Signals(number).name}")
