"""Snapshots: everything that analysts see, at one cut of the log, written as files."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import orjson

from anabranch import SYSTEM, App, Cut, Stream
from anabranch.instant import iso
from batch.duckdb_session import connect
from batch.generations import Generations
from eventlog.decisions import PREDICTIONS, Publication
from eventlog.durable_files import put_file
from eventlog.lake import Lake
from eventlog.log import Log
from eventlog.log.reading import read_through
from eventlog.log.segment import Segment
from eventlog.registry.dead_letters import DeadLetters
from eventlog.registry.runs import Runs
from serving.sql.relations import system_relations
from serving.sql.relations.known_features import KnownFeatures
from serving.sql.relations.relation import Relation
from serving.sql.relations.relations import relations
from serving.sql.relations.snapshot_contents import SnapshotContents
from serving.sql.snapshots import catalog
from serving.sql.snapshots.lake_files import LakeFiles
from serving.sql.snapshots.overlay import write_overlay
from serving.sql.snapshots.published_tables import PublishedTables
from serving.sql.snapshots.small_tables import SmallTables
from serving.sql.snapshots.snapshot_folder import SnapshotFolder
from serving.sql.snapshots.tail import Tail
from speed.catch_up import fold_sizes
from speed.reader import ReportData
from speed.view_fold import ViewFold

_READ_RECORDS = 20_000
_MEMORY_BYTES = 500_000_000


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What was written.

    Attributes
    ----------
    name
        Different from that of every other.
    path
        The DuckDB file.
    fresh
        The file that says up to when nothing newer was known.
    files
        Every file that its views read.
    cut
        Every record before it is in the snapshot, no other.
    generation, batch_cut
        What answers for the batch part; None, "0:0": nothing.
    """

    name: str
    path: str
    fresh: str
    files: list[str]
    cut: str
    generation: int | None
    batch_cut: str


@dataclass(frozen=True, slots=True)
class Sources:
    """Where snapshots come from."""

    app: App
    log: Log
    lake: Lake
    generations: Generations
    runs: Runs
    dead_letters: DeadLetters
    clock: Callable[[], int]


class Snapshots:
    """Writes snapshots, each with what has changed since the one before.

    Parameters
    ----------
    sources
        Where everything comes from.
    view_fold
        Has recovered, and is brought forward here.
    folder
        Where the files go.
    spill
        A folder for what DuckDB cannot keep in memory.
    streams
        The streams whose events are wanted; None: all.
    """

    def __init__(
        self,
        sources: Sources,
        view_fold: ViewFold,
        folder: SnapshotFolder,
        spill: Path,
        streams: Collection[str] | None = None,
    ):
        app, log = sources.app, sources.log
        self._sources = sources
        self._view_fold = view_fold
        self._folder = folder
        self._connection = connect(1, _MEMORY_BYTES, spill)
        kept: dict[str, Stream | None] = {**app.streams, PREDICTIONS: None, SYSTEM: None}
        self._tail = Tail({n: s for n, s in kept.items() if streams is None or n in streams}, folder.new)
        self._lake = LakeFiles(sources.lake, kept, streams)
        self._published = PublishedTables(sources.generations, app, folder)
        self._tables = SmallTables(sources.runs, sources.dead_letters, list(app.streams), folder.new)
        self._features = KnownFeatures()
        self._features.sample(self._connection, self._lake.files.get(PREDICTIONS, ()))
        self._overlays: dict[str, Path] = {}
        self._relations: list[Relation] = []
        self._template: tuple[dict[str, str], bytes] | None = None
        self._newest: Snapshot | None = None
        self._scored = ""
        self._shown: str | None = None
        self._end = min(self._view_fold.end, max(self._lake.archived, log.begin().offsets[0]))

    def take(
        self,
        reports: Mapping[str, ReportData],
        scored: str,
        now: float,
        *,
        publish: Path | None = None,
        in_use: Collection[str] = (),
    ) -> Snapshot:
        """A snapshot that has seen everything up to this moment.

        Parameters
        ----------
        reports, scored
            How the models stood, at this cut.
        now
            Seconds, of a clock that only goes forward.
        publish
            Put a copy in this place, unless it is there.
        in_use
            The names of snapshots that somebody reads: their files stay.
        """
        self._folder.now = now
        taken = self._sources.clock()  # before the look: up to this time nothing is missed
        changed = self._catch_up()
        changed |= self._tables.refresh(reports, self._published.versions(), taken)
        changed |= scored != self._scored
        self._scored = scored
        snapshot = self._newest if self._newest is not None and not changed else self._write(scored, taken)
        self._newest = snapshot
        _say_fresh(Path(snapshot.fresh), taken)
        if publish is not None and (self._shown != snapshot.name or not publish.exists()):
            put_file(publish, Path(snapshot.path).read_bytes(), durable=False)
            self._folder.hold(snapshot.name, _files(snapshot), published=True)
            self._shown = snapshot.name
        self._folder.tidy(in_use)
        return snapshot

    # catching up

    def _catch_up(self) -> bool:
        """Take in what the log has got since; whether that is anything."""
        log, start = self._sources.log, self._end
        for segments in read_through(log, Cut((start,)), log.end(), _READ_RECORDS):
            self._take_in(segments)
            self._end = segments[-1].end
        if self._view_fold.publication != self._published.publication:
            self._published.look(self._view_fold.publication)
            self._lake.look()  # before a file of the tail goes: a record is in one of the two, always
            self._tail.drop(self._lake.archived)
            self._view_fold.drop_expired()
        return self._end > start

    def _take_in(self, segments: Sequence[Segment]) -> None:
        new = [s.tail(self._lake.archived) for s in segments if s.end > self._lake.archived]
        self._tail.add(new)
        self._features.note(new)
        begin = self._view_fold.end
        for segment in fold_sizes(s.tail(begin) for s in segments if s.end > begin):
            self._view_fold.fold(segment)

    # writing

    def _write(self, scored: str, taken: int) -> Snapshot:
        path = self._folder.new("snapshot", ".duckdb")
        contents = self._contents(scored, path.with_suffix(".json"))
        _say_fresh(path.with_suffix(".json"), taken)  # first: a view is held against its files when it is made
        catalog.write(self._connection, path, self._shape(), self._sources.app, self._relations, contents)
        snapshot = Snapshot(
            name=path.stem,
            path=str(path),
            fresh=str(contents.fresh),
            files=contents.files,
            cut=str(Cut((contents.end,))),
            generation=contents.generation,
            batch_cut=str(Cut((contents.batch_end,))),
        )
        self._folder.hold(snapshot.name, _files(snapshot), published=False)
        return snapshot

    def _contents(self, scored: str, fresh: Path) -> SnapshotContents:
        views, published = self._sources.app.views.values(), self._published
        for view in views:
            if self._view_fold.is_touched(view):
                into = self._folder.new(f"view-{view.name}")
                old, tables = self._overlays.pop(view.name, None), published.tables_of(view)
                if write_overlay(self._connection, view, self._view_fold, tables, old, into):
                    self._overlays[view.name] = into
        oldest = {view.name: self._view_fold.oldest_kept(view) for view in views}
        contents = SnapshotContents(
            end=self._view_fold.end,
            archived=self._lake.archived,
            lake=self._lake.files,
            tail=self._tail.files(),
            untold=self._lake.untold,
            retracted=sorted(self._view_fold.left_out),
            generation=published.number,
            batch_end=published.end,
            overlays={name: str(path) for name, path in self._overlays.items()},
            oldest_kept={name: tile for name, tile in oldest.items() if tile is not None},
            clocks=self._view_fold.clocks,
            small=self._tables.files(),
            scored=scored,
            fresh=str(fresh),
        )
        announced = self._connection.execute(
            f"SELECT generation, cut, manifest_sha256, run FROM ({system_relations.announced(contents)})"
            " ORDER BY _offset"
        ).fetchall()
        known = [Publication(number, Cut.parse(cut), *rest) for number, cut, *rest in announced]
        return replace(contents, tables=published.tables(known))

    def _shape(self) -> bytes:
        """The template of the relations as they are now; they change when new features become known."""
        features = self._features.types
        if self._template is None or self._template[0] != features:
            self._relations = relations(self._sources.app, dict(features))
            path = self._folder.new("template", ".duckdb")
            catalog.write_template(self._connection, path, self._sources.app, self._relations)
            self._template = dict(features), path.read_bytes()
        return self._template[1]


def _files(snapshot: Snapshot) -> list[Path]:
    return [Path(snapshot.path), *(Path(path) for path in snapshot.files)]


def _say_fresh(path: Path, time_us: int) -> None:
    put_file(path, orjson.dumps({"as_of": iso(time_us)}), durable=False)
