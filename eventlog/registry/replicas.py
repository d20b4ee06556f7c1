"""Who folds the log, and what each needs to go on from what it has kept.

A service that was killed goes on from a checkpoint, perhaps after many batch runs, and meets every publication behind
it once more: only with the same generations it comes to the same champions, scores and weights. So each home that folds
has a row here, and what the rows need is not collected.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from sqlalchemy import Connection, Row, delete, insert, select, update

from eventlog.clock import Clock, now_us
from eventlog.decisions import Publication
from eventlog.durable_files import sync_folder
from eventlog.registry.database import Database
from eventlog.registry.lease_holder import is_alive, this_process
from eventlog.registry.leases import Lease, check_lease
from eventlog.registry.tables import replicas

logger = logging.getLogger(__name__)
FILE = "replica"
SILENT_US = 30 * 86_400_000_000
"""A replica that tells nothing for so long is taken for gone."""
_NOBODY = ""


@dataclass(frozen=True, slots=True)
class Need:
    """What it takes to go on from a checkpoint.

    Attributes
    ----------
    cut
        The first record that it has not folded.
    generation
        The one that it has adopted; None: it stands on none.
    """

    cut: int
    generation: int | None

    @classmethod
    def of_all(cls, needs: Iterable[Need]) -> Need | None:
        """What it takes to go on from any of several; None: there are none."""
        found = list(needs)
        if not found:
            return None
        adopted = [need.generation for need in found if need.generation is not None]
        return cls(min(need.cut for need in found), min(adopted, default=None))


@dataclass(frozen=True, slots=True)
class Replica:
    """A home that folds the log.

    Attributes
    ----------
    id
        Its name, in its file ``replica``.
    holder
        The process that folds there, or did last; empty: it is not known.
    need
        What it needs.
    updated
        When it told so, in microseconds.
    """

    id: str
    holder: str
    need: Need
    updated: int

    def needs(self, generation: int, published_at: int) -> bool:
        """Whether it needs a generation that was published by the record at an offset.

        That is what it has adopted, and everything whose publication it has yet to fold. Between the two lies what it
        could not serve.
        """
        return published_at >= self.need.cut or generation == self.need.generation


class Replicas:
    """The replicas of a log.

    Parameters
    ----------
    clock
        Microseconds since 1970, which machines share.
    """

    def __init__(self, database: Database, clock: Clock = now_us):
        self.database = database
        self.clock = clock

    def all(self) -> list[Replica]:
        """All of them, by id."""
        with self.database.read() as connection:
            return _all(connection)

    def needed(self, published: Iterable[tuple[int, Publication]]) -> list[Publication]:
        """The publications that some replica needs, of those that are given behind the offsets of their records."""
        known = self.all()
        return [one for at, one in published if any(replica.needs(one.generation, at) for replica in known)]

    def drop_silent(self, lease: Lease, silent_us: int = SILENT_US) -> list[Replica]:
        """Forget those that have told nothing for so long; returns them. Only for the holder of the batch lease.

        Whoever is forgotten and comes back folds what there is, and its models begin anew if that is not enough: it
        says so.

        Raises
        ------
        LeaseLostError
            If another has the lease by now: nobody was forgotten.
        """
        before = self.clock() - silent_us
        with self.database.write() as connection:
            check_lease(connection, lease)
            # who is known to be there stays: it was not silent, a clock has leapt
            silent = [one for one in _all(connection) if one.updated < before and not is_alive(one.holder)]
            for one in silent:
                connection.execute(delete(replicas).where(replicas.c.id == one.id, replicas.c.updated == one.updated))
            return silent


class OwnReplica:
    """This home among the replicas.

    Its id lies in the file ``replica`` beside the number of that file on the disk (its inode), so that a copy of the
    home is known for one, and takes another id. What such a number cannot tell (a copy of a whole disk) is noticed by
    the holder: who finds that another process tells for its id goes on under a new one.

    Parameters
    ----------
    replicas
        Where it is told.
    home
        The home; the file is made when something is told for the first time.
    holder
        The process that folds here.
    """

    def __init__(self, of: Replicas, home: Path, holder: str | None = None):
        self._of = of
        self._path = home / FILE
        self._holder = this_process() if holder is None else holder
        self._id: str | None = None
        self._has_told = False

    @property
    def id(self) -> str | None:
        """What this home is called; None: it has told nothing yet, or is a copy that has not."""
        if self._id is None:
            self._id = _own_id(self._path)
        return self._id

    def tell(self, need: Need) -> None:
        """Keep what is needed to go on here.

        Called whenever checkpoints have changed, and now and then. It may be called again with the same.

        Raises
        ------
        LogUnavailableError
            If it cannot be kept now; what was told before stays.
        OSError
            If the file cannot be read or made.
        """
        known = self.id or self._renamed()
        if not self._told(known, need, self._holder):
            logger.warning("another home is known by the name of this one, %s: one is a copy of the other", known)
            self._told(self._renamed(), need, self._holder)
        self._has_told = True

    def tell_first(self, need: Need) -> None:
        """Keep what is needed here if this home never told: an earlier release wrote its checkpoints.

        By that process nobody folds here: which one does is told by `tell`. Raises as that does.
        """
        if not self._path.exists():
            self._told(self._renamed(), need, _NOBODY)

    def _told(self, known: str, need: Need, holder: str) -> bool:
        """Write the row; False: it is another home's."""
        values = {
            "holder": holder,
            "cut": need.cut,
            "generation": need.generation,
            "updated": self._of.clock(),
        }
        with self._of.database.write() as connection:
            row = connection.execute(select(replicas).where(replicas.c.id == known).with_for_update()).one_or_none()
            if row is None:
                connection.execute(insert(replicas).values(id=known, **values))
                return True
            if not self._may_take(row.holder):
                return False
            connection.execute(update(replicas).where(replicas.c.id == known).values(values))
            return True

    def _may_take(self, holder: str) -> bool:
        """Whether a row that a process has told is this home's. After a restart the process is another one."""
        if holder in (self._holder, _NOBODY):
            return True
        # a home has one service at a time, so that one which lives and is not this one serves another home
        return not self._has_told and not is_alive(holder)

    def _renamed(self) -> str:
        self._id = _make(self._path)
        return self._id


def _all(connection: Connection) -> list[Replica]:
    return [_replica(row) for row in connection.execute(select(replicas).order_by(replicas.c.id))]


def _replica(row: Row[tuple[object, ...]]) -> Replica:
    return Replica(row.id, row.holder, Need(row.cut, row.generation), row.updated)


def _own_id(path: Path) -> str | None:
    """The id in a file; None: there is none, it is not what was written, or a copy."""
    try:
        told = json.loads(path.read_bytes())
        return str(told["id"]) if told["inode"] == path.stat().st_ino else None
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def _make(path: Path) -> str:
    name = uuid4().hex
    beside = path.with_name(f".{path.name}.part")
    with beside.open("wb") as file:
        file.write(json.dumps({"id": name, "inode": os.fstat(file.fileno()).st_ino}).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)  # a rename keeps the inode
    sync_folder(path.parent)
    return name
