"""The folder of a table's commits, looked at from outside: without Delta Lake, which loads long."""

from __future__ import annotations

import re

from eventlog.durable_files import sync_file, sync_folder
from eventlog.store import Store

FOLDER = "_delta_log"
_COMMIT = re.compile(r"\d{20}\.(json|checkpoint.*\.parquet)")


def has_commits(store: Store, table: str) -> bool:
    """Whether a folder of a store is a table: it has a commit, and not only the torn beginning of one.

    A full disk or a kill leaves that, and nothing was ever in such a table.
    """
    commits = 0
    for found in store.list(f"{table}/{FOLDER}"):
        if _COMMIT.fullmatch(found.name.rpartition("/")[2]):
            commits += 1
            if found.bytes:
                return True
    return commits > 1


def remove_torn_beginning(store: Store, table: str) -> None:
    """Remove an empty first commit of a table that has no other, so that it can be made."""
    store.remove([f"{table}/{FOLDER}/{0:020d}.json"])


def put_commits_aside(store: Store, table: str, name: str) -> None:
    """Give the commits of a table, whole or not, another folder."""
    source, target = f"{table}/{FOLDER}", f"{table}/{name}"
    folder = store.path(source)
    if folder is not None:
        if folder.exists():
            folder.rename(folder.with_name(name))
        return
    found = sorted(each.name for each in store.list(source))
    for each in found:
        store.create(f"{target}/{each.removeprefix(source + '/')}", store.read(each))
    store.remove(reversed(found))  # killed in it, what is left is a beginning, and lacks what the data files have


def sync_commits(store: Store, table: str) -> None:
    """Make the newest commit durable: on a disk Delta Lake leaves that to the system."""
    folder = store.path(f"{table}/{FOLDER}")
    if folder is None:
        return
    newest = max(folder.glob("*.json"), default=None)
    if newest is not None:
        sync_file(newest)
    sync_folder(folder)
