"""The folder of a table's commits, looked at from outside: without Delta Lake, which loads long."""

from __future__ import annotations

import os
import re
from pathlib import Path

from eventlog.durable_files import sync_file, sync_folder

FOLDER = "_delta_log"
_COMMIT = re.compile(r"\d{20}\.(json|checkpoint.*\.parquet)")


def has_commits(table: Path) -> bool:
    """Whether a folder is a table: it has a commit, and not only the folder for them or the torn beginning of one.

    A full disk or a kill leaves that, and nothing was ever in such a table.
    """
    commits = 0
    try:
        with os.scandir(table / FOLDER) as entries:
            for entry in entries:
                if _COMMIT.fullmatch(entry.name):
                    commits += 1
                    if entry.stat().st_size:
                        return True
    except OSError:
        return False
    return commits > 1


def remove_torn_beginning(table: Path) -> None:
    """Remove an empty first commit of a table that has no other, so that it can be made."""
    (table / FOLDER / f"{0:020d}.json").unlink(missing_ok=True)


def sync_commits(table: Path) -> None:
    """Make the newest commit durable: Delta Lake leaves that to the system."""
    newest = max((table / FOLDER).glob("*.json"), default=None)
    if newest is not None:
        sync_file(newest)
    sync_folder(table / FOLDER)
