"""Where results are printed."""

from __future__ import annotations

import sys

from rich.console import Console

_PIPE_COLUMNS = 200


def console() -> Console:
    """Standard output: as wide as the terminal, or, in a pipe or file, wide enough that no table is cut."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else _PIPE_COLUMNS)
