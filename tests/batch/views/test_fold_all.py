"""A slice that is too much for the memory is folded in pieces, and what cannot be made smaller is named."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from batch.cluster import DaskWorkers, OwnProcess, Workers
from batch.errors import ViewTooWideError
from batch.exchange import Exchange
from batch.plan import Slice
from batch.views.fold_all import LEAST_RECORDS, fold_all, is_out_of_memory
from batch.views.slice_fold import SliceDelta, SliceTask
from eventlog.store.address import StoreAddress
from eventlog.store.blobs import Blob


def task(views: tuple[str, ...], start: int, end: int) -> SliceTask:
    return SliceTask("app.py", views, Slice(start, end), (), Exchange(StoreAddress("", ""), "", ""), 1, 1)


class Small(OwnProcess):
    """Workers whose memory takes so many records of a view, and no two views together.

    Parameters
    ----------
    fits
        By view, the records that fit.
    """

    def __init__(self, fits: dict[str, int]):
        super().__init__()
        self.fits = fits

    def outcomes(self, function: Callable[[Any], Any], tasks: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
        return super().outcomes(self._fold, tasks)

    def _fold(self, wanted: SliceTask) -> SliceDelta:
        records = wanted.part.end - wanted.part.start
        if len(wanted.views) > 1 or records > self.fits[wanted.views[0]]:
            raise MemoryError
        return SliceDelta(
            wanted.part, dict.fromkeys(wanted.views, Blob("", 0, "")), dict.fromkeys(wanted.views, 0), None
        )


def folded(workers: Workers, *tasks: SliceTask) -> dict[str, list[tuple[int, int]]]:
    found: dict[str, list[tuple[int, int]]] = {}
    for delta in fold_all(workers, tasks):
        for view in delta.tables:
            found.setdefault(view, []).append((delta.part.start, delta.part.end))
    return {view: sorted(parts) for view, parts in found.items()}


def test_what_fits_is_folded_as_it_is() -> None:
    assert folded(Small({"a": 9_000}), task(("a",), 0, 9_000)) == {"a": [(0, 9_000)]}


def test_views_that_are_too_much_together_are_folded_apart_and_only_the_wide_one_in_pieces() -> None:
    found = folded(Small({"a": 9_000, "wide": 3_000}), task(("a", "wide"), 0, 9_000))
    assert found["a"] == [(0, 9_000)]
    assert found["wide"] == [(0, 2_250), (2_250, 4_500), (4_500, 6_750), (6_750, 9_000)]


def test_a_piece_that_cannot_be_made_smaller_is_named() -> None:
    with pytest.raises(ViewTooWideError, match=r"view 'wide' is too wide for the memory: records \d+ to \d+") as error:
        folded(Small({"wide": LEAST_RECORDS // 4}), task(("wide",), 0, 9_000))
    assert error.value.view == "wide"


def test_what_is_no_lack_of_memory_is_raised_as_it_is() -> None:
    with pytest.raises(KeyError):
        folded(Small({}), task(("unknown",), 0, 9_000))


def die(number: int) -> int:
    """A task like one that the operating system kills, if it is 13."""
    if number == 13:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def test_a_task_that_kills_its_workers_is_told_apart_from_those_that_go_on(tmp_path: Path) -> None:
    workers = DaskWorkers.local(1)
    try:
        found = dict(workers.outcomes(die, [1, 13, 2]))
    finally:
        workers.close()
    assert (found[1], found[2]) == (1, 2)
    assert isinstance(found[13], Exception)
    assert is_out_of_memory(found[13])
