"""What a fold reads: the one loop around it, whoever folds.

The consumer of a service runs it for ever; ``anabranch sql`` and ``anabranch verify`` once, by way of
`speed.offline_fold`; the writer of snapshots, who needs the records as they were committed as well, joins them by
`fold_sizes` alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from anabranch import Cut
from eventlog.log import Log
from eventlog.log.reading import read_through
from eventlog.log.segment import Segment, joined

READ_RECORDS = 4_096
FOLDED_TOGETHER = 1_000
"""Records that are folded together at most, however small the commits were that brought them."""


def catch_up(
    log: Log, start: Cut, end: Cut | None = None, *, read_records: int = READ_RECORDS
) -> Iterator[Sequence[Segment]]:
    """What is to be folded next, read by read; see `eventlog.log.reading.read_through` for the arguments.

    What was handed out should be folded before the next is asked for. Whoever stops in between, or is killed, goes on
    from the cut of the state that he has.
    """
    for segments in read_through(log, start, end, read_records):
        yield list(fold_sizes(segments))


def fold_sizes(segments: Iterable[Segment]) -> Iterator[Segment]:
    """The same records with small commits joined: a log of single events is folded several times faster so."""
    return joined(segments, FOLDED_TOGETHER)
