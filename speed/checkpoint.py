"""Checkpoints: (cut, state) of the speed layer, durable together.

A file holds a header of JSON (what it is, how long, its sha256, and the MAC of all that) and the pickled state. It is
written beside its place, synced, and renamed: there is never half a checkpoint under the name. What the header says is
checked at reading, before anything is unpickled: a pickle runs what its maker wanted, so only files that were made with
the key of the home are opened.
"""

from __future__ import annotations

import hashlib
import json
import os
import pickle
from collections.abc import Iterator
from contextlib import suppress
from io import BufferedReader
from pathlib import Path
from typing import Any, BinaryIO

from anabranch import App, Cut
from anabranch.view import Tiles, View
from eventlog.decisions import Champions, Publication
from eventlog.decisions.event_fields import EventFields
from eventlog.durable_files import sync_folder
from eventlog.errors import LogUnavailableError
from eventlog.home_key import HomeKey
from eventlog.identity.record_digest import digest_before
from eventlog.log import Log
from eventlog.registry.replicas import Need
from eventlog.store.errors import StoreUnavailableError
from speed.errors import CheckpointError
from speed.shared_checkpoints import SharedCheckpoints
from speed.state import Epoch, SpeedState

FORMAT = "anabranch checkpoint 4"
WITHOUT_MAC = "anabranch checkpoint 3"
"""What earlier releases wrote. Nothing tells who made such a file, so it is not opened."""
KEPT = 2
_HEADER_BYTES = 512
_ROWS_A_PICKLE = 2_000
"""Pickling holds Python's lock: in small parts, so that requests are answered in between."""


class Checkpoints:
    """The checkpoints in a folder, newest first.

    Parameters
    ----------
    key
        With which they are made; those of another key are refused.
    log
        Of which they are: each names it and the last record that it has seen, and is refused where either is not so.
        None: they name no log, and are taken for any.
    shared
        Those in a store that homes of the same key share; None: there are none.
    """

    def __init__(self, folder: Path, key: HomeKey, log: Log | None = None, shared: SharedCheckpoints | None = None):
        self.folder = folder
        self._key = key
        self._log = log
        self._shared = shared

    @property
    def is_shared(self) -> bool:
        """Whether other homes may go on from these."""
        return self._shared is not None

    def share(self, path: Path) -> None:
        """Let other homes go on from a checkpoint; raises `StoreUnavailableError` if that cannot be now."""
        if self._shared is not None:
            with path.open("rb") as file:
                header = _header(path, file, self._key)
            self._shared.put(path, Need(Cut.parse(header["cut"]).offsets[0], header["generation"]))

    def candidates(self) -> Iterator[Path]:
        """The files to go on from, best first: those of this home, newest first, then those that others have shared.

        Raises
        ------
        StoreUnavailableError
            When none of this home did, and what others have shared cannot be fetched now.
        """
        yield from self.newest_first()
        if self._shared is not None:
            yield from self._shared.fetched(self.folder)

    def newest_first(self) -> list[Path]:
        """The checkpoint files."""
        return sorted(self.folder.glob("*.checkpoint"), reverse=True)

    def ends(self, log_id: str | None = None) -> Iterator[tuple[int, Path]]:
        """(the offset before which everything is in it, file) of those that are of the log, without reading them all.

        One of an earlier release, which does not say of which log it is, counts as one of it. `log_id`: those of the
        log of this id instead.
        """
        for path in self.newest_first():
            try:
                with path.open("rb") as file:
                    header = json.loads(file.read(_HEADER_BYTES))
            except (OSError, ValueError):  # gone, or torn: nothing goes on from it
                continue
            if not isinstance(header, dict) or header.get("format") != FORMAT or not path.stem.isdecimal():
                continue
            if self._log is None or header.get("log") in (None, log_id or self._log.id):
                yield int(path.stem), path

    def save(self, state: SpeedState, app: App) -> Path:
        """Make `state` durable, then drop all but this and the newest of the others.

        The others may be of a later cut: of other definitions, when the log is folded anew.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{state.cut.offsets[0]:020d}.checkpoint"
        temporary = path.with_suffix(".part")
        for unfinished in self.folder.glob("*.part"):  # of a process that was killed, or met a full disk
            unfinished.unlink(missing_ok=True)
        digest = hashlib.sha256()
        size = 0
        with temporary.open("wb") as file:
            file.write(b" " * _HEADER_BYTES)
            for part in _parts(state, app):
                digest.update(part)
                size += file.write(part)
            header = {
                "format": FORMAT,
                "cut": str(state.cut),
                "generation": state.publication and state.publication.generation,
                "bytes": size,
                "sha256": digest.hexdigest(),
            }
            if self._log is not None:
                header |= {"log": self._log.id, "last": _last(self._log, state.cut)}
            header["mac"] = self._key.mac(FORMAT, _vouched(header))
            file.seek(0)
            file.write(json.dumps(header).encode().ljust(_HEADER_BYTES - 1) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(self.folder)
        others = [other for other in self.newest_first() if other != path]
        for old in others[KEPT - 1 :]:
            old.unlink(missing_ok=True)
        return path

    def need(self) -> Need | None:
        """What it takes to go on from any of them, shared ones too; None: there are none, or none that could be opened.

        Raises
        ------
        OSError, StoreUnavailableError
            If one cannot be read now.
        """
        found = [] if self._shared is None else self._shared.needs()
        for path in self.newest_first():
            with suppress(CheckpointError, FileNotFoundError), path.open("rb") as file:
                header = _header(path, file, self._key)
                if "generation" in header:
                    found.append(Need(Cut.parse(header["cut"]).offsets[0], header["generation"]))
                else:  # an earlier release wrote it: only its content tells
                    _check(path, file, header)
                    head = next(_objects(file))
                    generation = head["publication"] and head["publication"]["generation"]
                    found.append(Need(Cut.parse(head["cut"]).offsets[0], generation))
        return Need.of_all(found)

    def load(self, path: Path, app: App) -> SpeedState:
        """The state in a checkpoint.

        Raises
        ------
        CheckpointError
            If the file is gone, torn, altered or from elsewhere, or its views are defined otherwise than the
            application's.
        OSError, MemoryError
            If it cannot be read now: that says nothing of it.
        """
        try:
            file = path.open("rb")
        except FileNotFoundError as error:  # another process keeps only the newest few
            raise CheckpointError(path, f"it cannot be opened ({error.strerror})") from None
        with file:
            header = _header(path, file, self._key)
            _check(path, file, header)
            _check_log(path, header, self._log)
            try:
                return _state(_objects(file), app, path)
            except (CheckpointError, MemoryError):  # the latter passes: nothing is wrong with the file
                raise
            except Exception as error:  # what was pickled by another release may fail to come back in any way
                if isinstance(error, OSError) and not isinstance(error, FileNotFoundError):
                    raise
                raise CheckpointError(path, f"its content is not a state ({error!r})") from error


def _vouched(header: dict[str, Any]) -> bytes:
    """What the MAC is of: all else that the header says, the sha256 of the payload among it."""
    return json.dumps({name: value for name, value in header.items() if name != "mac"}, sort_keys=True).encode()


def _check_log(path: Path, header: dict[str, Any], log: Log | None) -> None:
    """Hold what a header says of the log against the log. Those of earlier releases say nothing."""
    if log is None or "log" not in header:
        return
    if header["log"] != log.id:
        raise CheckpointError(path, f"it is of the log {header['log']}, and this one is {log.id}")
    cut = Cut.parse(header["cut"])
    if header["last"] is None or not log.end().covers(cut):  # what lies beyond the end is for `speed.recovery`
        return
    if digest_before(log, cut) not in (None, header["last"]):
        raise CheckpointError(path, "the last record that it has folded is not the one that the log has there")


def _last(log: Log, cut: Cut) -> str | None:
    """The digest of the last record before `cut`; None: the log cannot be asked now, and the state is worth keeping."""
    try:
        return digest_before(log, cut)
    except (LogUnavailableError, StoreUnavailableError):
        return None


def _header(path: Path, file: BinaryIO, key: HomeKey) -> dict[str, Any]:
    """What the file says of itself, which this home has vouched for."""
    try:
        header: dict[str, Any] = json.loads(file.read(_HEADER_BYTES))
        found = header["format"]
    except (ValueError, KeyError, TypeError):
        found = None
    if found == WITHOUT_MAC:
        raise CheckpointError(
            path, "an earlier release wrote it, without a MAC of this home; what it held is folded again from the log"
        )
    if found != FORMAT:
        raise CheckpointError(path, f"it does not begin like one ({FORMAT})")
    if not key.made(header.get("mac"), FORMAT, _vouched(header)):
        raise CheckpointError(path, "it was not made with the key of this home, and so it is not opened")
    return header


def _check(path: Path, file: BinaryIO, header: dict[str, Any]) -> None:
    """Hold the payload against the header, and leave the file at its start."""
    digest = hashlib.sha256()
    size = 0
    file.seek(_HEADER_BYTES)
    while part := file.read(1 << 20):
        digest.update(part)
        size += len(part)
    if size != header["bytes"]:
        raise CheckpointError(path, f"it is torn: {size} bytes where it promises {header['bytes']}")
    if digest.hexdigest() != header["sha256"]:
        raise CheckpointError(path, f"its sha256 is {digest.hexdigest()}, it promises {header['sha256']}")
    file.seek(_HEADER_BYTES)


def _parts(state: SpeedState, app: App) -> Iterator[bytes]:
    publication = state.publication
    yield pickle.dumps(
        {
            "app": app.name,
            "cut": str(state.cut),
            "publication": publication and publication.event(),
            "watermarks": state.watermarks,
            "left_out": sorted(state.left_out),
            "champions": {name: champions.versions for name, champions in state.champions.items()},
            "views": {name: (view.fingerprint, view.keep_us) for name, view in app.views.items()},
            "epochs": [(str(epoch.start), epoch.run) for epoch in state.epochs],
            "learners": {name: learner.model.learner_fingerprint for name, learner in state.learners.items()},
        }
    )
    if state.learners:
        import cloudpickle  # type: ignore[import-untyped]  # it has no types
    for learner in state.learners.values():
        yield cloudpickle.dumps(learner.state())  # by value: a model of River may hold a lambda of the application
    for number, epoch in enumerate(state.epochs):
        for name, tiles in epoch.tiles.items():
            for rows in _rows(app.views[name], tiles):
                yield pickle.dumps((number, name, rows))


def _rows(view: View, tiles: Tiles) -> Iterator[list[tuple[Any, ...]]]:
    rows: list[tuple[Any, ...]] = []
    for key, by_start in tiles.items():
        for start, cells in by_start.items():
            rows.append((key, start, view.pack(cells)))
            if len(rows) == _ROWS_A_PICKLE:
                yield rows
                rows = []
    if rows:
        yield rows


def _objects(file: BufferedReader) -> Iterator[Any]:
    while file.peek(1):
        yield pickle.load(file)


def _state(objects: Iterator[Any], app: App, path: Path) -> SpeedState:
    head: dict[str, Any] = next(objects, {})
    _check_definitions(head["views"], app, path)
    state = SpeedState(
        Cut.parse(head["cut"]),
        Publication.read(EventFields(head["publication"], path.name)) if head["publication"] else None,
        [Epoch(Cut.parse(start), run) for start, run in head["epochs"]],
        head["watermarks"],
    )
    state.left_out = frozenset(head["left_out"])
    state.champions = {name: Champions(versions) for name, versions in head["champions"].items()}
    if head["learners"]:
        from speed.learning.learner import Learner
    for name, fingerprint in head["learners"].items():
        kept = next(objects)
        if name in app.models and app.models[name].learner_fingerprint == fingerprint:
            state.learners[name] = Learner.restore(app.models[name], kept)
    for number, name, rows in objects:
        view = app.views[name]
        tiles = state.epochs[number].tiles.setdefault(name, {})
        for key, start, packed in rows:
            tiles.setdefault(key, {})[start] = view.unpack(packed)
    return state


def _check_definitions(stored: dict[str, tuple[str, int | None]], app: App, path: Path) -> None:
    """Refuse a state of other views, or one that has dropped tiles which a longer `keep` now wants."""
    changed = sorted(stored.keys() ^ app.views.keys())
    for name in stored.keys() & app.views.keys():
        view, (fingerprint, kept_us) = app.views[name], stored[name]
        longer = kept_us is not None and (view.keep_us is None or view.keep_us > kept_us)
        if fingerprint != view.fingerprint or longer:
            changed.append(name)
    if changed:
        raise CheckpointError(path, f"it is of other definitions: {', '.join(changed)} changed")
