"""The rows of a model over all runs: those that are kept from earlier ones, and those that this one replays."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from anabranch.feature_kinds import Kinds, contain, fit_together, joined_kinds
from anabranch.model import Model
from anabranch.watermarks import joined
from batch.duckdb_session import Connection
from batch.generation import Generation
from batch.manifest import unplaced
from batch.models.replay_task import SHOWN_EXAMPLES, Replayed
from batch.models.training_table import TrainingTable, write_table
from batch.plan import Slice
from eventlog.store.blobs import Blob, Blobs
from eventlog.store.errors import BlobDamagedError

Problem = Callable[[str], None]


@dataclass
class ModelRows:
    """All rows of a model: those that are kept from earlier runs, and what this run replays.

    Attributes
    ----------
    start
        Where the rows that are kept end, and the replay begins.
    files, labels
        What the manifest says of the files, in the order of the log.
    kinds
        What the features hold; None: there is no row yet.
    newest
        The newest event times by stream.
    examples
        The first events that were set aside.
    error
        Why there are no rows in this run, whatever the log holds; None: they are complete.
    """

    model: Model
    start: int = 0
    files: list[dict[str, Any]] = field(default_factory=list)
    labels: list[dict[str, Any]] = field(default_factory=list)
    kinds: Kinds | None = None
    newest: dict[str, int] = field(default_factory=dict)
    examples: list[dict[str, str]] = field(default_factory=list)
    error: str | None = None

    @classmethod
    def kept(cls, model: Model, base: Generation | None, blobs: Blobs, problem: Problem) -> ModelRows:
        """The rows that the last generation names, every byte of them checked; none, if one is damaged."""
        held = None if base is None else base.manifest.get("models", {}).get(model.name)
        if base is None or held is None or held["fingerprint"] != model.fingerprint:
            return cls(model)
        rows = held["rows"]
        if rows.get("error") is not None:  # that run could not replay the log
            return cls(model)
        try:
            for file in (*rows["files"], *rows["labels"]):
                blobs.fetch(Blob.of(file))
        except BlobDamagedError as error:
            problem(f"the rows of model {model.name!r} are replayed from the beginning: {error}")
            return cls(model)
        examples = held["report"]["failed"]["examples"]
        files, labels = ([unplaced(file) for file in rows[name]] for name in ("files", "labels"))
        return cls(model, base.end, files, labels, rows["features"] or None, dict(rows["newest"]), examples)

    def misjudged(self, replayed: Iterable[Replayed]) -> dict[Slice, Kinds]:
        """The slices that have to be replayed again, each with the kinds of features that are in force before it.

        Slices are replayed apart from each other, as if nothing had come between the rows that are kept and each of
        them. Where the examples of a slice fit together with those before it, that set the same events aside as one
        pass over the log (see `anabranch.feature_kinds`); where they do not, the slice began with another idea of
        the features, as after an odd first event. The kinds before the first such slice are certain, those before the
        others may change once it was replayed: so ask again, until none is left. Every round settles one at least.

        A slice that was judged by kinds which turned out not to be in force may have set aside too much, or all of it:
        what it took then says nothing.
        """
        found: dict[Slice, Kinds] = {}
        kinds = self.kinds
        for of_slice in self._mine(replayed):
            is_judged = of_slice.before is None or (kinds is not None and contain(kinds, of_slice.before))
            if is_judged and fit_together(kinds, of_slice.kinds):
                kinds = kinds if of_slice.kinds is None else joined_kinds(kinds, of_slice.kinds)
            else:
                assert kinds is not None, "who was judged by other kinds comes after a slice that has some"
                found[of_slice.part] = kinds
        return found

    def _mine(self, replayed: Iterable[Replayed]) -> list[Replayed]:
        return sorted((found for found in replayed if found.model == self.model.name), key=lambda found: found.part)

    def add(self, replayed: Iterable[Replayed]) -> None:
        """Add what was replayed, of which nothing is `misjudged`."""
        for found in self._mine(replayed):
            self.files = [*self.files, found.file]
            if found.labels is not None:
                self.labels = [*self.labels, found.labels]
            if found.kinds is not None:
                self.kinds = joined_kinds(self.kinds, found.kinds)
            self.newest = joined(self.newest, found.newest)
            self.examples = [*self.examples, *found.examples][:SHOWN_EXAMPLES]

    @property
    def rows(self) -> int:
        """How many, with or without a label."""
        return sum(int(file["rows"]) for file in self.files)

    @property
    def failed(self) -> int:
        """How many events were set aside: the features function raised, or its features do not fit the others'."""
        return sum(int(file["failed"]) for file in self.files)

    def paths(self, blobs: Blobs) -> list[Path]:
        """The files that hold any row, on this machine; raises as `Blobs.fetch` does."""
        return [blobs.fetch(Blob.of(file)) for file in self.files if file["rows"]]

    def training_table(self, connection: Connection, blobs: Blobs, into: Path) -> TrainingTable:
        """The rows that have a label; raises as `Blobs.fetch` does."""
        labels = [blobs.fetch(Blob.of(file)) for file in self.labels]
        assert self.kinds is not None, "there are rows"
        return write_table(connection, self.model, self.paths(blobs), labels, self.kinds, self.newest, into)

    def manifest(self) -> dict[str, Any]:
        """What the manifest says of it."""
        return {
            "features": dict(self.kinds or {}),
            "newest": self.newest,
            "files": self.files,
            "labels": self.labels,
            "error": self.error,
        }

    def complaint(self) -> str | None:
        """What a person should know of it; None: nothing."""
        if not self.failed:
            return None
        example = self.examples[0]
        events = f"{self.failed:,} of {self.failed + self.rows:,} events"
        consequence = "they are left out" if self.rows else "it is not trained"
        return (
            f"model {self.model.name!r} has no features of {events}, e.g. of the one at"
            f" {example['position']}: {example['reason']}; {consequence}"
        )
