"""Totals of the batch part are those of its tiles, whether they were kept or not."""

from __future__ import annotations

from typing import Any

from serving.answers.batch_totals import BatchTotals
from serving.answers.merged_answer import present, select
from serving.answers.selection import ViewQuery
from tests.serving.conftest import Home, publish, rental, usage

HOUR = 3_600_000_000


def totals(kept: BatchTotals, home: Home, query: ViewQuery, watermark: int) -> list[dict[str, Any]]:
    publication = home.service.speed.publication
    assert publication is not None
    generation = home.service.generations.get(publication)
    selection = select(usage, query, watermark)
    assert selection is not None
    return present(usage, kept.rows(generation, usage, query, selection), total=True)


def test_a_page_is_the_same_when_it_is_asked_again_and_when_events_move_its_end(home: Home) -> None:
    home.post(*(rental(n, "ab"[n % 2], f"2023-11-0{1 + n % 5}T{n:02d}:00:00Z") for n in range(20)))
    publish(home)
    end = home.post(rental(100, "c", "2023-11-09T00:00:00Z"))
    home.get("/v1/views/usage", after=end)
    watermark = 1_699_488_000_000_000
    kept, none_kept = BatchTotals(), BatchTotals(kept_bytes=0)
    for query in (
        ViewQuery({}, group="total"),
        ViewQuery({"station": "a"}, last_us=8 * 24 * HOUR, group="total"),
        ViewQuery({}, last_us=6 * 24 * HOUR, group="total", limit=1),
        ViewQuery({}, start=watermark - 7 * 24 * HOUR, end=watermark - 5 * 24 * HOUR, group="total"),
    ):
        for moved in (0, 1, 50_000):
            found = totals(kept, home, query, watermark + moved)
            assert found == totals(none_kept, home, query, watermark + moved)
            assert found == totals(kept, home, query, watermark + moved)
            assert found


def test_the_merged_answer_leaves_what_is_kept_as_it_is(home: Home) -> None:
    home.post(*(rental(n, "a", f"2023-11-01T{n:02d}:00:00Z") for n in range(10)))
    publish(home)
    for number in range(100, 103):
        home.post(rental(number, "a", "2023-11-01T05:30:00Z"))
        (row,) = home.rows("usage", group="total")
        assert row["rentals"] == number - 100 + 11
