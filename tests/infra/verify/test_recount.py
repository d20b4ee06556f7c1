"""The other road: what the raw log says of every tile, for every kind of field, without the fold."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum, IntEnum
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

import pytest
from pydantic import AnyUrl, AwareDatetime, BaseModel

from anabranch import App, Events, agg
from anabranch.view import Tiles, View, key_order
from eventlog.log.segment import Segment
from infra.verify.comparison import Answer, compare
from infra.verify.recount import Recount


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Visit(BaseModel):
    site: str | None = None
    url: AnyUrl | None = None
    price: Decimal | None = None
    ticket: UUID | None = None
    day: date | None = None
    colour: Colour | None = None
    level: Level | None = None
    way: Literal["in", "out"] | None = None
    seen: AwareDatetime | None = None
    staff: bool | None = None
    weight: int = 7
    tags: list[str] = []


FIELDS = ["url", "price", "ticket", "day", "colour", "level", "way", "seen", "staff", "weight"]
app = App("recount")
visits = app.stream("visits", Visit)
everything: dict[str, Any] = {f"of_{name}": agg.collect(name) for name in FIELDS}
everything |= {f"n_{name}": agg.count(name) for name in [*FIELDS, "tags"]}
everything |= {"paid": agg.sum("price"), "heavy": agg.count(where=lambda visit: 10 // (visit.weight - 5) > 1)}
by_site = app.view("by_site", of=visits, by="site", tile="1h", **everything)
by_tag = app.view("by_tag", of=visits, by=lambda visit: visit.tags, first=agg.first("url"), n=agg.count())
fragile = app.view("fragile", of=visits, by=lambda visit: 10 // visit.weight, keep="3h", tile="1h", n=agg.count())
HOUR = 3_600_000_000
VISITS = [
    Visit(),
    Visit(site="a", url=AnyUrl("https://example.org/ä"), price=Decimal("0.1"), ticket=UUID(int=1), staff=False),
    Visit(site="a", day=date(2024, 2, 29), colour=Colour.RED, level=Level.HIGH, way="in", tags=["x", "y", "x"]),
    Visit(site="", seen=datetime(1969, 12, 31, 23, 59, 59, 999_999, UTC), weight=0, tags=["y"]),
    Visit(site="a", price=Decimal("1E+400"), weight=5, url=AnyUrl("http://b.example")),
    Visit(site="\U0001f600", weight=-(2**63)),
]
TIMES = [-HOUR - 1, 0, 1, HOUR, 9 * HOUR, -HOUR]


@pytest.fixture
def recount(tmp_path: Path) -> Iterator[Recount]:
    with closing(Recount(app, tmp_path)) as found:
        nobody: list[str | None] = [None] * 3
        for start in (0, 3):
            events = [visit.model_dump_json().encode() for visit in VISITS[start : start + 3]]
            times = TIMES[start : start + 3]
            found.add(Segment.of(0, start, "visits", 0, times, nobody, nobody, events))
        found.add(Segment.of(0, 6, "of another application", 0, [0], [None], [None], [b"{}"]))
        yield found


def answers(view: View) -> Iterator[Answer]:
    """What the fold answers, in order, without what `keep` hides."""
    tiles: Tiles = {}
    data = b"[%b]" % b",".join(visit.model_dump_json().encode() for visit in VISITS)
    view.fold(tiles, Events(visits, 0, 0, TIMES, data))
    hidden = -(2**63) if view.keep_us is None else max(TIMES) - view.keep_us - HOUR
    for key in sorted(tiles, key=key_order):
        for tile, cells in sorted(tiles[key].items()):
            if tile > hidden:
                yield key, tile, view.present(cells)


@pytest.mark.parametrize("view", [by_site, by_tag, fragile], ids=lambda view: str(view.name))
def test_it_says_what_the_fold_says_of_every_kind_of_field(recount: Recount, view: View) -> None:
    verdict = compare(view, recount.evidence(view), answers(view), lambda count: None)
    assert verdict.faults == []
    assert verdict.tiles > 0


def test_it_counts_hidden_tiles_too_and_knows_the_newest_time(recount: Recount) -> None:
    assert recount.tiles(fragile) == 4
    assert len(list(recount.evidence(fragile))) == 1
    assert recount.watermark_by_stream == {"visits": 9 * HOUR}
