"""Processes that are not children of the tests."""

from __future__ import annotations

import os
import select


def ends(pid: int, seconds: float) -> bool:
    """Whether a process that need not be ours ends in time."""
    try:
        watched = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([watched], [], [], seconds)[0])
    finally:
        os.close(watched)
