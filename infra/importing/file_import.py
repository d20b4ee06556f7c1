"""``anabranch import``: a file into a stream, in bounded batches, straight into the log; it goes on where it stopped.

How far an import is stands in ``HOME/imports/<sha256 of the content>-<stream>.json``, written after each batch is
durable. A kill in between, or a commit whose answer was lost, repeats one batch at most, and that doubles nothing: a
batch has a key, from the file's content and its place there, and what it brought is told again. The log also knows the
ids; events of a stream without an id get one for the purpose, from the file's content and the row.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console
from rich.table import Table
from rich.text import Text

from anabranch import Stream
from batch.lease_keeper import LeaseKeeper
from eventlog.durable_files import put_file
from eventlog.errors import DatabaseDamagedError, LogReadOnlyError, LogUnavailableError
from eventlog.intake.door import Admission, BodyLimits, ParsedEvents, validate
from eventlog.log import Append, Appended, KeyedRequest
from eventlog.registry.lease_holder import this_process
from infra.composition import Process
from infra.errors import ImportRunningError, UsageError
from infra.importing.file_rows import FileRows
from infra.importing.row_batches import FileColumns, FilePosition, RowBatch
from infra.progress_display import progress
from infra.terminal import console


@dataclass(frozen=True, slots=True)
class Imported:
    """How far an import is.

    Attributes
    ----------
    file, stream
        What goes where.
    row, byte
        Where it goes on; see `infra.importing.row_batches.FilePosition`.
    accepted, duplicates, rejected
        What became of the rows before.
    done
        Whether all rows were read.
    """

    file: str
    stream: str
    row: int = 0
    byte: int = 0
    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    done: bool = False


def import_file(process: Process, path: Path, stream_name: str) -> Imported:
    """Import a file, or the rest of it, and print what became of its rows.

    Raises
    ------
    UsageError
        If there is no such stream.
    ImportFileError
        If the file cannot be read as rows.
    ImportRunningError
        If another process is importing it into this stream at this moment.
    LogReadOnlyError
        If the store does not fit the log.
    """
    streams = process.app.streams
    process.settle()
    if process.log.misfit is not None:
        raise LogReadOnlyError(process.log.misfit)
    if stream_name not in streams:
        raise UsageError(f"there is no stream {stream_name!r}; {process.app.name} has: {', '.join(streams)}")
    stream, rows = streams[stream_name], FileRows.of(path)
    columns = _columns(stream)
    _hint(stream, rows.columns(columns.known), columns.known)
    with _alone(process, path, stream, rows):
        importing = _Import(process, stream, rows, columns)
        if importing.state.row and not importing.state.done:
            Console(stderr=True).print(f"going on behind row {importing.state.row:,}")
        state = importing.run()
    _print(state, importing.reasons)
    return state


@contextmanager
def _alone(process: Process, path: Path, stream: Stream, rows: FileRows) -> Iterator[None]:
    """Nobody else imports this content into this stream meanwhile: both would do the work.

    The lease frees itself when its holder is killed. That it is lost harms nothing: the key of a batch has it in once.
    """
    name = f"import:{rows.sha256}:{stream.name}"
    lease = process.leases.acquire(name, this_process(), _LEASE_SECONDS)
    if lease is None:
        raise ImportRunningError(path, stream.name)
    with LeaseKeeper(process.leases, lease, _LEASE_SECONDS):
        yield


@dataclass(slots=True)
class Reason:
    """Why rows were rejected: how many, and the first of them (its line, in a file that has lines)."""

    rows: int
    first: int


def _columns(stream: Stream) -> FileColumns:
    """What the columns of a file for this stream may be."""
    fields = stream.model.model_fields
    texts = (name for name, field in stream.fields.items() if field.kind == "text" and fields[name].is_required())
    return FileColumns(frozenset([*fields, *(info.alias for info in fields.values() if info.alias)]), frozenset(texts))


def _hint(stream: Stream, columns: Sequence[str], known: frozenset[str]) -> None:
    """Say where a column is nearly a field: its values would be kept under a name that nobody reads."""
    err = Console(stderr=True)
    by_lower = {name.casefold(): name for name in known}
    for column in columns:
        field = by_lower.get(column.casefold())
        if column not in known and field is not None and field not in columns:
            err.print(Text(f"hint: column {column!r} is not the field {field!r}; rename it if that is what it holds"))
    if columns and not by_lower.keys() & {column.casefold() for column in columns}:
        fields = ", ".join(stream.model.model_fields)
        err.print(Text(f"hint: no column is a field of {stream.name} ({fields}); does the file begin with its header?"))


class _Import:
    """One file on its way into one stream."""

    def __init__(self, process: Process, stream: Stream, rows: FileRows, columns: FileColumns):
        self.process = process
        self.stream = stream
        self.rows = rows
        self.columns = columns
        settings = process.settings
        self.limits = BodyLimits(max_event_bytes=settings.max_event_bytes, max_future_us=settings.max_future_us)
        self._path = process.home / "imports" / f"{rows.sha256}-{stream.name}.json"
        self.state = self._load()
        self.reasons: dict[tuple[str, str], Reason] = {}
        """By field and message; of the rows that this process read."""

    def run(self) -> Imported:
        """Read all rows that were not read yet."""
        with progress() as shown:
            shown.stage("import", self.rows.total)
            shown.advance(self.state.row)
            if not self.state.done:
                resumed = self._path.exists()
                self._save(self.state)
                place, most_bytes = FilePosition(self.state.row, self.state.byte), self.limits.max_event_bytes
                for batch in self.rows.batches(place, self.columns, max_row_bytes=most_bytes):
                    self._take(batch, resumed)
                    resumed = False
                    shown.advance(len(batch.rows))
                self._save(replace(self.state, done=True))
        return self.state

    def _take(self, batch: RowBatch, resumed: bool) -> None:
        """Append a batch, keep its refused rows beside it, and then write down that it is done."""
        process, stream = self.process, self.stream
        indexes = [index for index, row in enumerate(batch.rows) if row]
        if not indexes:
            return
        refused_rows = {at: batch.refused[index] for at, index in enumerate(indexes) if index in batch.refused}
        parsed = ParsedEvents([batch.rows[index] for index in indexes], refused=refused_rows)
        admission = validate(stream, parsed, now=process.clock(), limits=self.limits)
        refused = [
            (event.body, [{**reason, **_where(batch, indexes[event.index])} for reason in event.errors])
            for event in admission.rejected
        ]
        for _, errors in refused:
            self._note(errors)
        append = replace(self._identified(admission, [batch.start.row + index for index in indexes]), refused=refused)
        done, again = self._appended(replace(append, request=self._request(batch, admission)))
        resumed = resumed or again
        accepted, duplicates = done.accepted, done.duplicates
        if done.told is not None:  # these rows are in: by this import before it was cut off, or by another one
            accepted, duplicates = orjson.loads(done.told.answer)
            if not resumed:
                accepted, duplicates = 0, accepted + duplicates
        state = self.state
        self._save(
            replace(
                state,
                row=batch.end.row,
                byte=batch.end.byte,
                accepted=state.accepted + accepted,
                duplicates=state.duplicates + duplicates,
                rejected=state.rejected + len(admission.rejected),
            )
        )

    def _note(self, errors: list[dict[str, Any]]) -> None:
        """Remember why a row was rejected."""
        for error in errors:
            reason = self.reasons.setdefault(
                (error["field"], error["message"]), Reason(0, error.get("line", error["row"]))
            )
            reason.rows += 1

    def _identified(self, admission: Admission, numbers: list[int]) -> Append:
        """The append, its events named after file and row where the stream has no id."""
        append = admission.append
        if self.stream.id is not None:
            return append
        refused = {rejected.index for rejected in admission.rejected}
        rows = [number for index, number in enumerate(numbers) if index not in refused]
        return replace(append, ids=[f"import:{self.rows.sha256[:32]}:{row}" for row in rows])

    def _appended(self, append: Append) -> tuple[Appended, bool]:
        """Append, and say whether it took several tries: a database that is busy or restarts does not end an import.

        The key makes trying again safe, whatever became of the try before.
        """
        deadline = time.monotonic() + _PATIENCE_SECONDS
        again = False
        while True:
            try:
                return self.process.log.append(append), again
            except (DatabaseDamagedError, LogReadOnlyError):
                raise
            except LogUnavailableError:
                if time.monotonic() >= deadline:
                    raise
            again = True
            time.sleep(_AGAIN_SECONDS)

    def _request(self, batch: RowBatch, admission: Admission) -> KeyedRequest:
        """What these rows are known by, as far as the hot log reaches back: whoever imports them, they are in once.

        Where another definition refuses other rows it is another request; then the ids of the events find duplicates.
        """
        refused = [event.index for event in admission.rejected]
        told = [self.rows.sha256, self.stream.name, batch.start.row, batch.end.row, refused]
        digest = sha256(orjson.dumps(told)).hexdigest()
        # with a space, which no key of a request over HTTP has
        return KeyedRequest(f"import {digest}", digest, lambda done: orjson.dumps([done.accepted, done.duplicates]))

    def _load(self) -> Imported:
        try:
            known = {field.name for field in fields(Imported)}  # an earlier release wrote others besides
            kept: dict[str, Any] = json.loads(self._path.read_text())
            return Imported(**{name: value for name, value in kept.items() if name in known})
        except FileNotFoundError:
            return Imported(self.rows.path.name, self.stream.name)

    def _save(self, state: Imported) -> None:
        """Write it down: it survives a power cut, as what it says is stored does."""
        self.state = state
        self._path.parent.mkdir(parents=True, exist_ok=True)
        put_file(self._path, json.dumps(asdict(state)).encode())


def _where(batch: RowBatch, index: int) -> dict[str, int]:
    """Where a row of a batch stands in its file, counted from 1: blank rows count, the header does not."""
    line = batch.lines[index]
    return {"row": batch.start.row + index + 1, **({"line": line} if line else {})}


_REASONS_SHOWN = 10
_LEASE_SECONDS = 60.0
_PATIENCE_SECONDS = 60.0
"""How long a batch of rows waits for a database that is away."""
_AGAIN_SECONDS = 0.5


def _print(state: Imported, reasons: dict[tuple[str, str], Reason]) -> None:
    table = Table("file", "stream", "rows", "accepted", "duplicates", "rejected", box=None, pad_edge=False)
    for column in table.columns[2:]:
        column.justify = "right"
    counts = (state.row, state.accepted, state.duplicates, state.rejected)
    table.add_row(state.file, state.stream, *(f"{count:,}" for count in counts))
    out = console()
    out.print(table)
    if not state.rejected:
        return
    if reasons:
        why = Table("rejected", "first at", "field", "reason", box=None, pad_edge=False)
        most = sorted(reasons.items(), key=lambda found: -found[1].rows)[:_REASONS_SHOWN]
        for (field, message), reason in most:
            why.add_row(f"{reason.rows:,}", f"{reason.first:,}", Text(field or "(all)"), Text(message))
        for column in why.columns[:2]:
            column.justify = "right"
        out.print()
        out.print(why)
    out.print(f"[yellow]rejected rows wait, with the reasons, at GET /v1/streams/{state.stream}/rejected[/]")
