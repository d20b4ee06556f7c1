"""``anabranch verify``: what is served at this moment against what the raw log says."""

from __future__ import annotations

import tempfile
from contextlib import closing
from pathlib import Path

from anabranch import Cut
from eventlog.log.reading import read_through
from infra.composition import Process
from infra.progress_display import progress
from infra.verify.comparison import compare
from infra.verify.recount import Recount
from infra.verify.report import Report, show
from infra.verify.served import served
from infra.verify.stored import stored_damages


def verify(process: Process) -> bool:
    """Compare, print the table, and return whether all is right."""
    report = verified(process)
    show(report)
    return report.right


def verified(process: Process) -> Report:
    """Compare every answer at the present end of the log with the raw log up to there.

    If what is stored is damaged, that is told instead.
    """
    assert process.app, "it is held against the log before anything is compared"
    end = process.log.end()
    misfit = process.check_fit(thorough=True)
    damages = stored_damages(process) if misfit is None else [str(misfit)]
    if damages:  # what cannot be read cannot be compared
        return Report(end, None, [], damages, [])
    with tempfile.TemporaryDirectory(prefix="anabranch-verify-") as folder, progress() as shown:
        found = served(process, end, shown)
        with closing(Recount(process.app, Path(folder))) as recount:
            shown.stage("recount", end.offsets[0])
            for segments in read_through(process.log, Cut(), end):
                for segment in segments:
                    recount.add(segment)
                    shown.advance(segment.count)
            verdicts = []
            for view in process.app.views.values():
                shown.stage(view.name, recount.tiles(view))
                verdicts.append(compare(view, recount.evidence(view), found.answers(view), shown.advance))
            shown.end()
    return Report(end, found.generation, verdicts, found.damaged, found.warnings)
