"""Whether a store belongs to a log, and holds nothing that the log does not: asked before anything is accepted.

================================================  =============  ===================================================
what is found                                     misfit         how it comes
================================================  =============  ===================================================
the store names another log                       other-log      a wrong setting; the log's database was lost, and a
                                                                 new one made
the log names another store, or the store does    other-store    two homes on one database; a store that was lost
not have what the log has archived
lake, manifest or checkpoint reach beyond the     log-behind     the database was put back from an older copy
log's end
the lake's last record is not the log's there     log-differs    the same, and an earlier release went on with it
the lake ends before the hot log begins           store-behind   the store was put back from an older copy
================================================  =============  ===================================================

Anything else fits: an empty store and a log that was never archived; a lake from which records are missing that the log
still has, since the next batch run archives them again; any number of homes on one database and one store.

It is looked at names: those of the data files and the manifests, and a few small ones are read. So it costs
milliseconds, loads no Delta Lake, and no content can make it err. The last record is compared only where no run's
marker vouches for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import NamedTuple

from anabranch import SYSTEM, Cut
from eventlog.decisions import BatchStarted, decisions_of, publications
from eventlog.errors import LakeDamagedError
from eventlog.identity.generations import MadeGeneration, made_generations
from eventlog.identity.record_digest import digest_before, record_at, record_digests
from eventlog.identity.store_name import StoreName, name_store, store_name
from eventlog.lake import Lake
from eventlog.lake.file_name import FileName
from eventlog.log.identity import bind_store, bound_store
from eventlog.log.misfit import Misfit
from eventlog.log.sql_log import SqlLog
from eventlog.store.store import LAKE, Store


class Seen(NamedTuple):
    """Something that was made of everything before an offset, and what it is called."""

    end: int
    what: str


class LakeNames(NamedTuple):
    """What the names of a lake's data files say.

    Attributes
    ----------
    files
        (the offset just after its last record, stream, name) of each, in a table or not, in order of their ends.
    all_named
        Whether every file has such a name: those of early releases do not.
    """

    files: list[tuple[int, str, str]]
    all_named: bool

    @property
    def end(self) -> int:
        """The offset just after the last record of all."""
        return self.files[-1][0] if self.files else 0

    @classmethod
    def of(cls, store: Store) -> LakeNames:
        """Look at the names in a store."""
        files, all_named = [], True
        for listed in store.list(LAKE):
            path = PurePosixPath(listed.name)
            if path.suffix == ".parquet" and len(path.parts) == 3:
                name = FileName.of(path.name)
                if name is None:
                    all_named = False
                else:
                    files.append((name.end, path.parts[1], listed.name))
        return cls(sorted(files), all_named)


def misfit_of(
    log: SqlLog, store: Store, lake: Lake, checkpoints: Iterable[Seen] = (), *, thorough: bool = False
) -> Misfit | None:
    """What does not fit; None: it does.

    Parameters
    ----------
    checkpoints
        Those of the home that are of this log.
    thorough
        Compare a record of every data file that the hot log reaches, and not the last one alone: that finds what an
        earlier release archived after it had gone on with an older copy. And ask every table of the lake whose it is.

    Raises
    ------
    LogUnavailableError, StoreUnavailableError
        If the log or the store cannot answer now.
    """
    # The order of the questions matters, since others are at work meanwhile: what was dropped from the hot log by now
    # is in the lake that is looked at next, and what that holds is in the log whose end is asked last.
    begin = log.begin().offsets[0]
    name, bound = store_name(store), bound_store(log.database)
    names = LakeNames.of(store)
    lake_end = names.end if names.all_named else max(names.end, lake.archived(SYSTEM))
    made = list(made_generations(store))
    seen = [Seen(lake_end, f"the lake of {store.url}"), *_seen(made, log.id), *checkpoints]
    end = log.end().offsets[0]
    return (
        _other(log, store, name, bound, lake_end)
        or _behind(log, max(seen), end)
        or _lacking(store, lake_end, begin)
        or (_of_others(log, lake) if thorough else None)
        or _differing(log, lake, names, made, begin, thorough=thorough or name is None)
    )


def joined(log: SqlLog, store: Store, *, archiving: bool) -> Misfit | None:
    """Have a store that fits say that it belongs to this log, and the log that it is archived there.

    Parameters
    ----------
    archiving
        Whether something is about to be archived there, or was already. Until then the log is free to have another.
    """
    # a lake that was put back without its name has it again; an empty store must not take the name of another one
    own = bound_store(log.database) if next(iter(store.list(LAKE)), None) is not None else None
    name = name_store(store, log.id, own)
    if not archiving or bind_store(log.database, name.store) == name.store:
        return None
    return _elsewhere(store)  # another process was quicker


def _seen(made: Iterable[MadeGeneration], log: str) -> Iterator[Seen]:
    for generation in made:
        if generation.log in (None, log):
            yield Seen(generation.cut, generation.name)


def _other(log: SqlLog, store: Store, name: StoreName | None, bound: str | None, lake_end: int) -> Misfit | None:
    if name is not None and name.log != log.id:
        what = "is empty and new" if log.end() == Cut((0,)) else "is another one"
        problem = f"the store {store.url} belongs to the log {name.log}, and this log ({log.id}) {what}"
        return Misfit("other-log", problem, 0)
    if name is not None and bound not in (None, name.store):
        return _elsewhere(store)
    # a lake that was put back without the name of the store is known by its records
    if not lake_end and (name is None or bound is None) and (bound is not None or publications(log)):
        return _elsewhere(store)
    return None


def _elsewhere(store: Store) -> Misfit:
    problem = f"the log is archived in another store than {store.url}, which does not have what was archived there"
    return Misfit("other-store", problem, 0)


def _behind(log: SqlLog, furthest: Seen, end: int) -> Misfit | None:
    if furthest.end <= end:
        return None
    problem = (
        f"the log ends at 0:{end}, but {furthest.what} was made of everything before 0:{furthest.end}: its database"
        " was put back from an older copy, or is another one"
    )
    return Misfit("log-behind", problem, end, _appended(log, end))


def _lacking(store: Store, lake_end: int, begin: int) -> Misfit | None:
    if lake_end >= begin:
        return None
    problem = (
        f"the lake of {store.url} ends at 0:{lake_end}, but the log has archived everything before 0:{begin} and"
        " dropped it: an older copy of the store was put back"
    )
    return Misfit("store-behind", problem, lake_end)


def _of_others(log: SqlLog, lake: Lake) -> Misfit | None:
    """Whether the commits of a table name another log, as where folders of two lakes were mixed."""
    try:
        named = lake.log_ids()
    except LakeDamagedError:  # told by whoever reads it
        return None
    for table, other in named.items():
        if other != log.id:
            problem = f"the table {table!r} of the lake says that it is of the log {other}, and this is {log.id}"
            return Misfit("other-log", problem, 0)
    return None


def _differing(
    log: SqlLog, lake: Lake, names: LakeNames, made: Iterable[MadeGeneration], begin: int, *, thorough: bool
) -> Misfit | None:
    """Hold the last record that is archived against the log's."""
    hot = [file for file in names.files if file[0] > begin]
    if not hot or (not thorough and _vouched(log, names.end, made)):
        return None
    for end, stream, name in hot if thorough else hot[-1:]:
        if not _same(log, lake, end, stream):
            last = end - 1
            problem = f"the log has another record at 0:{last} than {name} of the store: one of the two was put back"
            since = next((e for e, s, _ in reversed(hot) if e < end and _same(log, lake, e, s)), begin)
            return Misfit("log-differs", f"{problem} from a copy, and went on", since, _appended(log, since))
    return None


def _vouched(log: SqlLog, end: int, made: Iterable[MadeGeneration]) -> bool:
    """Whether the run that archived everything before `end` has its marker there: no other log has that."""
    runs = {generation.run for generation in made if generation.cut == end and generation.log in (None, log.id)}
    found = record_at(log, end) if runs else None
    if found is None:
        return False
    decisions = [decision for _, decision in decisions_of(found)]
    return any(isinstance(decision, BatchStarted) and decision.run in runs for decision in decisions)


def _same(log: SqlLog, lake: Lake, end: int, stream: str) -> bool:
    """Whether log and lake have the same record just before `end`; yes, where one of them cannot tell."""
    try:
        archived = [digest for found in lake.read_stream(stream, end - 1, end) for digest in record_digests(found)]
    except LakeDamagedError:  # told by whoever reads it
        return True
    return not archived or digest_before(log, Cut((end,))) in (None, archived[-1])


def _appended(log: SqlLog, end: int) -> int | None:
    """When the last record before `end` was appended."""
    found = record_at(log, end - 1) if end else None
    return None if found is None else found.appended
