"""The small tables: what cannot be a view over files, written as Parquet whenever it has changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from anabranch.instant import instant_us
from eventlog.decisions import Champions
from eventlog.registry.dead_letters import DeadLetters, LetterTotals
from eventlog.registry.runs import Run, Runs
from serving.sql.relations.system_relations import SMALL
from speed.reader import ReportData

REJECTED_MOST, REJECTED_BYTES_MOST = 100_000, 32 * 2**20
"""Of a stream, the newest: they are in memory while their file is written."""
RUNS_MOST = 10_000
_INSTANT = pa.timestamp("us", "UTC")
_TYPES = {
    "VARCHAR": pa.string(),
    "BIGINT": pa.int64(),
    "DOUBLE": pa.float64(),
    "BOOLEAN": pa.bool_(),
    "TIMESTAMPTZ": _INSTANT,
}
_STAGE = pa.struct([("name", pa.string()), ("done", pa.int64()), ("total", pa.int64()), ("seconds", pa.float64())])
_ERROR = pa.struct([("field", pa.string()), ("message", pa.string()), ("type", pa.string())])
_LISTS = {"stages": pa.list_(_STAGE), "errors": pa.list_(_ERROR)}
Row = Mapping[str, Any]


class SmallTables:
    """The files of the small tables.

    Parameters
    ----------
    runs, dead_letters
        Where batch runs and rejected events are kept.
    streams
        Whose rejected events.
    name
        Makes a path for a new file, from the beginning of its name.
    """

    def __init__(self, runs: Runs, dead_letters: DeadLetters, streams: Sequence[str], name: Callable[[str], Path]):
        self._runs = runs
        self._dead_letters = dead_letters
        self._streams = streams
        self._name = name
        self._written: dict[str, tuple[Any, Path]] = {}

    def refresh(self, reports: Mapping[str, ReportData], versions: Mapping[str, Sequence[Row]], now: int) -> bool:
        """Write what has changed; whether anything has.

        Parameters
        ----------
        reports, versions
            How each model does, and the versions that the generation holds of it, by name.
        """
        runs = self._runs.list(RUNS_MOST)
        changed = self._write("batch_runs", _without_clock(runs), lambda: (_run(run, now) for run in runs))
        changed |= self._write("rejected", self._rejected_state(), self._rejected)
        found = {
            "models": [row for m, s in reports.items() for row in _versions(m, s, versions.get(m, ()))],
            "model_scores": [row for m, s in reports.items() for row in _scores(m, s)],
            "model_history": [row for m, s in reports.items() for row in _history(m, s)],
        }
        for name, rows in found.items():
            changed |= self._write(name, rows, rows.__iter__)
        return changed

    def files(self) -> dict[str, str]:
        """The newest file of every table."""
        return {name: str(path) for name, (_, path) in self._written.items()}

    def _write(self, name: str, state: Any, rows: Callable[[], Iterator[Row]]) -> bool:
        if name in self._written and self._written[name][0] == state:
            return False
        columns, _ = SMALL[name]
        schema = pa.schema([(c.name, _LISTS.get(c.name) or _TYPES[c.type]) for c in columns])
        path = self._name(name)
        pq.write_table(pa.Table.from_pylist(list(rows()), schema), path, compression="zstd")
        self._written[name] = (state, path)
        return True

    def _rejected_state(self) -> list[LetterTotals]:
        """What changes whenever a rejected event comes, goes, or is retried."""
        return [self._dead_letters.totals(stream) for stream in self._streams]

    def _rejected(self) -> Iterator[Row]:
        for stream in self._streams:
            for letter in self._dead_letters.list(
                stream, limit=REJECTED_MOST, newest=True, most_bytes=REJECTED_BYTES_MOST
            ):
                yield {
                    "id": letter.id,
                    "stream": letter.stream,
                    "received": letter.received,
                    "last": letter.last,
                    "count": letter.count,
                    "retried": letter.retried,
                    "errors": [{name: _text(error.get(name)) for name in _ERRORS} for error in letter.errors],
                    "body": letter.body.decode(errors="replace"),
                }


_ERRORS = ("field", "message", "type")


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _without_clock(runs: Sequence[Run]) -> list[tuple[Any, ...]]:
    return [(run.id, run.status, run.stage, run.finished, run.cut, repr(run.stages)) for run in runs]


def _run(run: Run, now: int) -> Row:
    return {
        "run": run.id,
        "status": run.status,
        "full": run.full,
        "started": run.started,
        "finished": run.finished,
        "seconds": ((now if run.finished is None else run.finished) - run.started) / 1e6,
        "cut": run.cut,
        "generation": run.generation,
        "events": run.events,
        "stage": run.stage,
        "stages": [{field.name: stage.get(field.name) for field in _STAGE} for stage in run.stages],
        "error": run.error,
    }


# models


def _versions(model: str, report: ReportData, versions: Sequence[Row]) -> Iterator[Row]:
    champions = Champions(tuple(report["champions"]))
    for held in versions:
        version = held["version"]
        yield {
            "model": model,
            "version": version,
            "status": champions.status(version, promoted=held["promoted"]),
            "task": report["task"],
            "metric": report["metric"],
            "candidate": held["candidate"],
            "cut": held["cut"],
            "rows": held["rows"],
            "holdout_loss": held["holdout"]["loss"],
            "holdout_rows": held["holdout"]["rows"],
            "incumbent_loss": held["holdout"]["incumbent"],
        }


def _scores(model: str, report: ReportData) -> Iterator[Row]:
    learner = report["learner"]
    for expert in {**learner["weights"], **learner["scores"]}:
        score = learner["scores"].get(expert, {})
        yield {
            "model": model,
            "expert": expert,
            "loss": score.get("loss"),
            "recent": score.get("recent"),
            "count": score.get("count", 0),
            "weight": learner["weights"].get(expert),
            "diverged": learner["diverged"].get(expert, False),
            "clipped": learner["clipped"].get(expert, 0),
        }


def _history(model: str, report: ReportData) -> Iterator[Row]:
    for point in report["learner"]["series"]:
        for expert, loss in point["loss"].items():
            yield {
                "model": model,
                "time": instant_us(point["time"]),
                "count": point["count"],
                "version": point["version"],
                "expert": expert,
                "loss": loss,
                "weight": point["weights"].get(expert),
            }
