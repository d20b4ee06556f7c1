"""``anabranch verify``: what is served at this moment against what the raw log says."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from anabranch import Cut
from eventlog.log import Log
from eventlog.log.segment import Segment
from infra.composition import Process
from infra.progress_display import progress
from infra.verify.comparison import compare
from infra.verify.recount import Recount
from infra.verify.report import Report, show
from infra.verify.served import served

_READ_RECORDS = 10_000


def verify(process: Process) -> bool:
    """Compare, print the table, and return whether all is right."""
    report = verified(process)
    show(report)
    return report.right


def verified(process: Process) -> Report:
    """Compare every answer at the present end of the log with the raw log up to there."""
    end = process.log.end()
    with tempfile.TemporaryDirectory(prefix="anabranch-verify-") as folder, progress() as shown:

        def read(cut: Cut, stage: str) -> Iterator[Segment]:
            shown.stage(stage, end.offsets[0] - cut.offsets[0])
            for segment in _segments(process.log, cut, end):
                yield segment
                shown.advance(segment.count)

        found = served(process, lambda cut: read(cut, "fold"))
        with closing(Recount(process.app, Path(folder))) as recount:
            for segment in read(Cut(), "recount"):
                recount.add(segment)
            verdicts = []
            for view in process.app.views.values():
                shown.stage(view.name, recount.tiles(view))
                verdicts.append(compare(view, recount.evidence(view), found.answers(view), shown.advance))
            shown.end()
    return Report(end, found.generation, verdicts, found.damaged, found.warnings)


def _segments(log: Log, cut: Cut, end: Cut) -> Iterator[Segment]:
    """The log from `cut` to `end`, hot or from the lake."""
    offset, stop = cut.offsets[0], end.offsets[0]
    while offset < stop:
        for segment in log.read(Cut((offset,)), _READ_RECORDS):
            if segment.offset >= stop:
                return
            yield segment.head(stop)
            offset = segment.end
