from __future__ import annotations

import pytest

from anabranch import Cut
from eventlog.log import Append
from eventlog.log.memory_log import MemoryLog
from eventlog.log.reading import read_through


def log_of(*counts: int) -> MemoryLog:
    log = MemoryLog()
    for count in counts:
        nothing: list[None] = [None] * count
        log.append(Append("rides", [*nothing], [*nothing], [*nothing], [b"{}"] * count))
    return log


@pytest.mark.parametrize("records", [1, 3, 100])
@pytest.mark.parametrize(("start", "end"), [(0, 9), (2, 5), (4, 4), (0, None), (7, None)])
def test_it_goes_from_exactly_one_cut_to_exactly_the_other(start: int, end: int | None, records: int) -> None:
    found = read_through(log_of(3, 4, 2), Cut((start,)), None if end is None else Cut((end,)), records)
    offsets = [offset for lot in found for segment in lot for offset in range(segment.offset, segment.end)]
    assert offsets == list(range(start, 9 if end is None else end))


def test_what_is_appended_meanwhile_is_read_as_well_unless_an_end_was_named() -> None:
    log = log_of(3)
    open_end, named_end = read_through(log, Cut()), read_through(log, Cut(), Cut((3,)))
    assert sum(segment.count for segment in [*next(open_end), *next(named_end)]) == 6
    log.append(Append("rides", [None], [None], [None], [b"{}"]))
    assert [segment.offset for segment in next(open_end)] == [3]
    assert next(named_end, None) is None
