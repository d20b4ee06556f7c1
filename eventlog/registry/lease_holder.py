"""Who holds a lease: a process, named so that others on its machine can tell whether it still lives."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path


def this_process() -> str:
    """``host:pid:start`` of this process.

    The start time tells it from a later process that got the same pid. The host says which processes can be looked
    up: machine name and, in a container, the pid namespace.
    """
    pid = os.getpid()
    return f"{_host()}:{pid}:{_start(pid) or 0}"


def is_dead(holder: str) -> bool:
    """Whether a holder is known to be gone. False where that cannot be told: another host, or not our naming."""
    host, _, rest = holder.rpartition(":")[0].rpartition(":")
    start = holder.rpartition(":")[2]
    if host != _host() or not rest.isdigit() or not start.isdigit():
        return False
    pid = int(rest)
    if start != "0":  # a pid is given again; the time at which its process began is not
        return _start(pid) != start
    return not _exists(pid)


def is_alive(holder: str) -> bool:
    """Whether a holder is known to be there. False where that cannot be told."""
    host = holder.rpartition(":")[0].rpartition(":")[0]
    return host == _host() and not is_dead(holder)


def _host() -> str:
    try:
        namespace = os.readlink("/proc/self/ns/pid").strip("pid:[]")
    except OSError:
        namespace = "0"
    return f"{socket.gethostname()}/{namespace}"


def _start(pid: int) -> str | None:
    """When a process started, in clock ticks since boot; None: there is none, or no /proc to ask."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    state, *fields = stat.rpartition(")")[2].split()  # the name before may hold spaces
    return None if state in "ZX" else fields[18]  # a zombie only waits to be counted


def _exists(pid: int) -> bool:
    if sys.platform == "win32":  # os.kill would end it there
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
