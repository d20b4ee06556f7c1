"""``anabranch restore``: bring the log and its store together after one of them was put back from a backup."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from rich.table import Table
from rich.text import Text

from anabranch import SYSTEM, Stream, load_app
from batch.errors import LeaseHeldError
from batch.run import LEASE, LEASE_SECONDS
from eventlog.decisions import FEATURES
from eventlog.errors import LogReadOnlyError
from eventlog.identity.generations import made_generations
from eventlog.identity.plan import RestorePlan, named, plan_of
from eventlog.identity.rewriting import Restored, rewrite
from eventlog.lake.mending import mend_commits
from eventlog.log.misfit import Misfit
from eventlog.registry.lease_holder import this_process
from eventlog.registry.leases import Lease
from eventlog.store.errors import StoreMissingError
from eventlog.store.store import Store
from infra.composition import Process
from infra.home import locked_home
from infra.progress_display import progress
from infra.service_client import LOCK
from infra.terminal import console

ASIDE = "aside"
"""Where checkpoints and manifests go that do not fit: below ``HOME/checkpoints`` and in the store."""


def restore(process: Process, *, yes: bool) -> bool:
    """Show what would be done; with `yes`, do it.

    Returns
    -------
    bool
        Whether log and store fit now.

    Raises
    ------
    LogReadOnlyError
        If they cannot be brought together: what is missing is nowhere.
    AlreadyRunningError, LeaseHeldError
        With `yes`, if a service runs on the home, or a batch run is at work.
    """
    misfit = process.check_fit(thorough=True)
    if misfit is None:
        console().print("The log and its store fit; there is nothing to do.")
        return True
    console().print(Text(f"{misfit.problem}.\n"))
    if not yes:
        _show(process, _plan(process, misfit))
        console().print("Nothing was done. Repeat this with --yes, and no service running on this home.")
        return False
    with locked_home(process.home):
        (process.home / LOCK).write_text(f"pid {os.getpid()}")
        lease = process.leases.acquire(LEASE, this_process(), LEASE_SECONDS)
        if lease is None:
            raise LeaseHeldError
        try:
            _carry_out(process, misfit, lease)
        finally:
            process.leases.release(lease)
    left = process.check_fit(thorough=True)
    if left is not None:
        raise LogReadOnlyError(left)
    console().print("The log and its store fit again.")
    return True


def _carry_out(process: Process, misfit: Misfit, lease: Lease) -> None:
    """Do it. Killed anywhere, it is found undone, and done again: the log changes in one transaction."""
    for sentence in mend_commits(process.lake, _streams(process)):
        console().print(Text(f"- {sentence}"))
    plan = _plan(process, misfit)
    _show(process, plan)
    # before the log changes: afterwards it can no longer be told of all of them that they do not fit
    for path in _unfit_checkpoints(process, plan):
        path.parent.joinpath(ASIDE).mkdir(exist_ok=True)
        path.replace(path.parent / ASIDE / path.name)
    _put_aside(process.store, _unfit_manifests(process, plan))
    if plan.changes_log:
        name = named(plan, process.store, process.log)
        with progress() as shown:
            shown.stage("restore", max(0, plan.lake_end - plan.start))
            restored = rewrite(process.log, process.lake, plan, name, lease, shown.advance)
            shown.end()
        _tell(plan, restored)


def _plan(process: Process, misfit: Misfit) -> RestorePlan:
    keep_since = process.clock() - process.settings.retention_us
    return plan_of(process.log, process.store, process.lake, misfit, keep_since)


def _streams(process: Process) -> dict[str, Stream]:
    """Those of the application, if one was named: they have typed columns."""
    return {} if process.settings.app is None else dict(load_app(process.settings.app).streams)


# what does not fit, beside the log


def _border(plan: RestorePlan) -> int:
    """The offset from which on the log becomes another one than what was derived from it has seen."""
    return min(
        [max(plan.end, plan.lake_end), *(start for start, _ in plan.differing), *(start for start, _ in plan.lost)]
    )


def _unfit_checkpoints(process: Process, plan: RestorePlan) -> list[Path]:
    return [path for end, path in process.checkpoints.ends(_log_of(plan)) if end > _border(plan)]


def _log_of(plan: RestorePlan) -> str | None:
    """The id that the log is to take; None: it keeps its own."""
    return plan.store.log if plan.adopts and plan.store is not None else None


def _unfit_manifests(process: Process, plan: RestorePlan) -> list[str]:
    return [made.name for made in made_generations(process.store) if made.cut > _border(plan)]


def _put_aside(store: Store, names: Iterable[str]) -> None:
    for name in names:
        try:
            store.create(f"{ASIDE}/{name}", store.read(name))
        except StoreMissingError:  # collected meanwhile
            continue
        store.remove([name])


# what people see


def _show(process: Process, plan: RestorePlan) -> None:
    table = Table("what", "where", "records", box=None, pad_edge=False)
    table.columns[-1].justify = "right"
    for what, where, records in _rows(process, plan):
        table.add_row(Text(what), Text(where), records)
    console().print(table)


def _rows(process: Process, plan: RestorePlan) -> Iterator[tuple[str, str, str]]:
    if plan.adopts and plan.store is not None:
        yield f"the empty log takes the place of the log {plan.store.log}", "", ""
    elif plan.binds:
        yield "the log is archived in this store from now on", process.store.url, ""
    if plan.returning:
        back = f"0:{max(plan.start, plan.end)} to before 0:{plan.lake_end}"
        for stream, count in sorted(plan.returning.items()):
            yield f"come back from the lake: {stream}", back, f"{count:,}"
    for start, stop in plan.differing:
        yield "the lake's take their places again", f"0:{start} to before 0:{stop}", f"{stop - start:,}"
    for stream, count in sorted(plan.moved.items()):
        kept = "left out, the system's own" if stream in (SYSTEM, FEATURES) else "appended at the end"
        yield f"of the log's own that stood there, {stream}: {kept}", "", f"{count:,}"
    for start, stop in plan.lost:
        yield "LOST: neither the log nor the lake has them", f"0:{start} to before 0:{stop}", f"{stop - start:,}"
    yield from _lost_behind(process, plan)
    for path in _unfit_checkpoints(process, plan):
        yield "a checkpoint that does not fit is put aside", path.name, ""
    for name in _unfit_manifests(process, plan):
        yield "a generation that does not fit is put aside", name, ""


def _lost_behind(process: Process, plan: RestorePlan) -> Iterator[tuple[str, str, str]]:
    """What is known to have been, and is nowhere."""
    end = max(plan.end, plan.lake_end)
    seen = max((end for end, _ in process.checkpoints.ends(_log_of(plan))), default=0)
    if seen > end:
        what = "LOST, unless a newer backup of the database has them: never archived"
        yield what, f"0:{end} to before 0:{seen}", f"{seen - end:,}"


def _tell(plan: RestorePlan, restored: Restored) -> None:
    out = console()
    out.print(f"The log ends at 0:{restored.end}; everything before 0:{plan.lake_end} is as it was archived.")
    if plan.differing:
        out.print(
            f"Of its own records that stood there {restored.appended:,} were appended behind, {restored.duplicates:,}"
            f" are there already by their ids, {restored.dropped:,} are left out."
        )
