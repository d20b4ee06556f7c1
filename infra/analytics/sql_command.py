"""``anabranch sql``: a statement over everything up to this moment, from a shell.

It needs no running service: it recovers from the newest checkpoint, folds the rest of the log, and queries a snapshot
of its own. What runs here runs with the rights of the user: files may be read, results may be written.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import duckdb
from rich.table import Table

from anabranch import SYSTEM, App
from eventlog.decisions import PREDICTIONS
from infra.analytics.snapshot_writer import sources_of
from infra.composition import Process
from infra.errors import UsageError
from infra.home import masked
from infra.terminal import console
from serving.sql.errors import SqlError
from serving.sql.sandbox import result_rows
from serving.sql.sandbox.result_rows import Result
from serving.sql.snapshots.snapshot_folder import SnapshotFolder
from serving.sql.snapshots.snapshots import Snapshot, Snapshots
from speed.offline_fold import OfflineFold

FORMATS = ("table", *result_rows.FORMATS)
_TABLE_ROWS = 1_000
_EVERY = 2**62
"""Rows and bytes without a limit."""


def run_sql(process: Process, sql: str, form: str, output: Path | None, limit: int | None) -> None:
    """Run a statement, and print or write its result.

    Raises
    ------
    UsageError
        If DuckDB refuses it, or the result cannot be shown.
    """
    if not sql.strip():
        raise UsageError('there is no statement; write one like "SELECT * FROM view_usage"')
    if form not in FORMATS:
        raise UsageError(f"--format {form} is none of {', '.join(FORMATS)}")
    if form == "table" and limit is None:
        limit = _TABLE_ROWS
    if form in ("arrow", "parquet") and output is None and sys.stdout.isatty():
        raise UsageError(f"--format {form} is not for a terminal; pass --output FILE, or redirect it")
    with tempfile.TemporaryDirectory(prefix="anabranch-sql-") as folder:
        snapshot = _snapshot(process, Path(folder), sql)
        # what the statement or --output writes is the user's, not the home's
        with masked(process.umask), duckdb.connect(snapshot.path, read_only=True) as connection:
            connection.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
            try:
                relation = connection.sql(sql)
                if relation is None:  # a statement that has no result, like COPY
                    return
                result = result_rows.read(relation, _EVERY if limit is None else limit, _EVERY)
                _tell(result, form, output, snapshot)
            except (duckdb.Error, SqlError) as error:
                raise UsageError(str(error)) from None


def _snapshot(process: Process, folder: Path, sql: str) -> Snapshot:
    """A snapshot of this moment. Files are written only of the streams that the statement may speak of."""
    app = process.app
    fold = OfflineFold(app, process.log, process.checkpoints, process.can_serve, process.published_layer, models=True)
    scored, told = fold.reader().reports()
    if told:  # their scores are wanted as of now
        for _ in fold.fold_to(process.log.end()):
            pass
        scored, told = fold.reader().reports()
    snapshots = Snapshots(
        sources_of(process),
        fold.view_fold(),
        SnapshotFolder(folder, "snapshots", time.monotonic()),
        folder / "spill",
        _streams_in(app, sql),
    )
    return snapshots.take(told, str(scored), time.monotonic())


def _streams_in(app: App, sql: str) -> set[str]:
    """The streams whose events a statement may look at, by what it names."""
    text = sql.lower()
    if "query" in text:  # a function that puts names together
        return {*app.streams, PREDICTIONS, SYSTEM}
    found = {name for name in app.streams if f"events_{name}".lower() in text}
    if "predictions" in text:
        for model in app.models.values():
            found |= {model.on.name, *([model.later_label.stream.name] if model.later_label else [])}
        found.add(PREDICTIONS)
    return {*found, SYSTEM}


def _tell(result: Result, form: str, output: Path | None, snapshot: Snapshot) -> None:
    if form == "table":
        if output is not None:
            raise UsageError("--output needs a --format of json, csv, arrow or parquet")
        _print(result)
        return
    facts = {"generation": snapshot.generation, "batch_cut": snapshot.batch_cut, "speed_cut": snapshot.cut}
    body = result_rows.FORMATS[form](result, facts)
    if output is None:
        sys.stdout.buffer.write(body)
        if form == "json":
            sys.stdout.buffer.write(b"\n")
        sys.stdout.buffer.flush()
    else:
        try:
            output.write_bytes(body)
        except OSError as error:
            raise UsageError(f"--output {output}: {error.strerror}; name a file in a folder that is there") from None


def _print(result: Result) -> None:
    out = console()
    table = Table(box=None, pad_edge=False)
    columns = result_rows.values(result)
    for name, type_ in zip(result.table.column_names, result.types, strict=True):
        numeric = type_.startswith(("BIGINT", "HUGEINT", "INTEGER", "DOUBLE", "FLOAT", "DECIMAL", "SMALLINT"))
        table.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in zip(*columns, strict=True):
        table.add_row(*(_text(value) for value in row))
    out.print(table, markup=False)
    count = result.table.num_rows
    more = ", and there are more: pass --limit" if result.truncated else ""
    out.print(f"{count:,} {'row' if count == 1 else 'rows'}{more}", style="dim")


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value).lower() if isinstance(value, bool) else str(value)
