"""Whether what is stored is what was written: the database by its own check, the lake by digests and counts."""

from __future__ import annotations

from anabranch import SYSTEM
from eventlog.errors import DatabaseDamagedError, LakeDamagedError
from infra.composition import Process


def stored_damages(process: Process) -> list[str]:
    """What is wrong, a sentence each. Every byte of the lake is read for it, and of the database in the home."""
    found: list[str] = []
    try:
        process.database.check()
    except DatabaseDamagedError as error:
        found.append(str(error))
    try:
        found += [str(damage) for damage in process.lake.damages(process.lake.archived(SYSTEM))]
    except LakeDamagedError as error:  # it cannot even be told how far the lake reaches
        found.append(str(error))
    return found
