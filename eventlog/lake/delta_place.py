"""Where Delta Lake finds a table of a store."""

from __future__ import annotations

from eventlog.store import Store


def delta_place(store: Store, table: str) -> tuple[str, dict[str, str] | None]:
    """The URL, or the path, of a table's folder as Delta Lake takes it, and its options; None: it needs none."""
    path = store.path(table)
    return (f"{store.url}/{table}", None) if path is None else (str(path), None)
