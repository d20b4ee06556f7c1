from __future__ import annotations

from pathlib import Path

import pytest

from eventlog.lake import Lake
from eventlog.log.segment import Segment
from tests.buckets import bucket, s3_server

__all__ = ["bucket", "s3_server"]


def segment(offset: int, count: int, stream: str = "rides") -> Segment:
    """So many records with ids of their own."""
    ids: list[str | None] = [f"i{offset + place}" for place in range(count)]
    texts = [b'{"n":%d}' % (offset + place) for place in range(count)]
    return Segment.of(0, offset, stream, 9, [0] * count, ids, [None] * count, texts)


@pytest.fixture
def whole(tmp_path: Path) -> Lake:
    """Three files of rides, one of walks; every offset before 40 is in one of them."""
    lake = Lake(tmp_path / "lake")
    for first in (0, 10, 20):
        lake.archive("rides", [segment(first, 10)], first + 10)
    lake.archive("walks", [segment(30, 10, "walks")], 40)
    return lake
