"""What connections may take before anybody knows who is behind them."""

from __future__ import annotations

import logging
import resource
from dataclasses import dataclass

logger = logging.getLogger(__name__)
OTHER_FILES = 256
"""Files that the service has open besides its connections: databases, tables, pipes of its children."""


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """How much, how many, and how long.

    Attributes
    ----------
    connections
        How many there may be at once.
    head_bytes, head_fields
        How large the head of a request (its target and headers) may be, and how many headers it may have.
    head_seconds
        How long a head may take from its first byte on, and how long a new connection may stay silent; a body that
        takes longer makes room where there are too many connections.
    request_seconds
        How long a whole request may take to arrive.
    silent_seconds
        How long nothing may come of a body, and nothing may be taken of an answer.
    pipelined
        How many requests may wait on one connection behind the one that is being answered.
    linger_seconds
        How long a refused connection is still listened to. Closed at once, the refusal might be lost with what the
        client has sent meanwhile.
    """

    connections: int = 1_000
    head_bytes: int = 32 * 1024
    head_fields: int = 100
    head_seconds: float = 20.0
    request_seconds: float = 300.0
    silent_seconds: float = 60.0
    pipelined: int = 100
    linger_seconds: float = 5.0


def connections_with_files(wanted: int) -> int:
    """How many connections there can be: as many as are wanted, unless the system grants too few open files.

    The soft limit is raised as far as it is needed; it is often 1,024 for the sake of old programs.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + OTHER_FILES
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return wanted
    granted = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (granted, hard))
    if granted >= needed:
        return wanted
    possible = max(1, granted - OTHER_FILES)
    logger.warning(
        "the system grants %d open files: there can be %d connections, not %d (ulimit -n)", granted, possible, wanted
    )
    return possible
