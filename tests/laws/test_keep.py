"""Which tiles `keep` hides: one rule, and every layer that hides tiles hides these and no others."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from contextlib import nullcontext
from itertools import count
from pathlib import Path
from typing import Any

import duckdb
import orjson
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from anabranch import App, Events, View, agg
from anabranch.contributions import Key
from anabranch.features.fold import fold
from anabranch.features.lookups import Lookups
from anabranch.view import Tiles
from batch.views import tile_table
from batch.views.merge import merge
from eventlog.log.segment import Segment
from infra.verify.recount import Recount
from serving.answers import merged_answer
from serving.answers.selection import ViewQuery
from serving.sql.relations import view_relations
from serving.sql.relations.snapshot_contents import SnapshotContents
from speed.expiry import Expiry
from speed.state import Epoch, SpeedState
from speed.tile_selection import take
from tests.tries import tries

SECOND = 1_000_000
KEY: Key = ("k",)


class Item(BaseModel):
    k: str = "k"
    label: int = 0


def shop(tile: str, keep: str) -> App:
    app = App("shop")
    items = app.stream("items", Item)
    app.view("kept", of=items, by="k", tile=tile, keep=keep, n=agg.count())

    @app.model("label", on=items, label="label", task="regression", batch=object, speed=object)
    def features(item: Item, views: Any) -> dict[str, Any]:
        return {"n": views.kept(k=item.k).n}

    return app


def events(app: App, times: list[int]) -> Events:
    return Events(app.streams["items"], 0, 0, times, orjson.dumps([{"k": "k", "label": 0}] * len(times)))


def folded(app: App, times: list[int]) -> Tiles:
    tiles: Tiles = {}
    app.views["kept"].fold(tiles, events(app, times))
    return tiles


def shown(app: App, times: list[int]) -> list[int]:
    """The rule, said once more: a tile is hidden once it ended `keep` or longer before the newest event."""
    view = app.views["kept"]
    assert view.tile_us is not None
    assert view.keep_us is not None
    starts = {time // view.tile_us * view.tile_us for time in times}
    return sorted(start for start in starts if start + view.tile_us > max(times) - view.keep_us)


# the layers that hide tiles


def in_the_speed_layer(app: App, times: list[int], folder: Path) -> list[int]:
    state = SpeedState(epochs=[Epoch(SpeedState().cut, tiles={"kept": folded(app, times)})])
    state.watermarks["items"] = max(times)
    Expiry(app).drop_expired(state, nullcontext)
    return sorted(state.epochs[0].tiles["kept"].get(KEY, {}))


def in_answers(app: App, times: list[int], folder: Path) -> list[int]:
    view = app.views["kept"]
    selection = merged_answer.select(view, ViewQuery({}), max(times))
    assert selection is not None
    return [
        start
        for _, start in take(
            view, [Epoch(SpeedState().cut, tiles={"kept": folded(app, times)})], selection, [KEY]
        ).places
    ]


def in_batch(app: App, times: list[int], folder: Path) -> list[int]:
    view, path = app.views["kept"], folder / "delta.parquet"
    pq.write_table(tile_table.arrow(tile_table.columns(view), tile_table.rows(view, folded(app, times))), path)
    with duckdb.connect() as connection:
        merge(connection, view, [path], None, view.oldest_kept(max(times)), "merged")
        return [start for (start,) in connection.execute("SELECT tile FROM merged ORDER BY tile").fetchall()]


def in_sql(app: App, times: list[int], folder: Path) -> list[int]:
    view, path = app.views["kept"], folder / "overlay.parquet"
    oldest = view.oldest_kept(max(times))
    rows = [("k", start, cells[0]) for start, cells in folded(app, times)[KEY].items()]
    pq.write_table(tile_table.arrow(view_relations.overlay_columns(view), rows), path)
    contents = SnapshotContents(
        overlays={"kept": str(path)}, oldest_kept={} if oldest is None else {"kept": oldest}, clocks={}
    )
    merged, _ = view_relations.relations(view)
    with duckdb.connect() as connection:
        query = f"SELECT epoch_us(tile) FROM ({merged.source(contents)}) ORDER BY tile"
        return [start for (start,) in connection.execute(query).fetchall()]


def in_verify(app: App, times: list[int], folder: Path) -> list[int]:
    given = events(app, times)
    recount = Recount(app, folder)
    try:
        heads = orjson.dumps([[None] * len(times)] * 2)
        recount.add(Segment(0, 0, "items", 0, array("q", times), heads, given.data))
        return [start for _, start, _ in recount.evidence(app.views["kept"])]
    finally:
        recount.close()


LAYERS = [in_the_speed_layer, in_answers, in_batch, in_sql, in_verify]
cases = st.tuples(
    st.integers(1, 40),
    st.integers(1, 90),
    st.lists(st.integers(-200 * SECOND, 200 * SECOND) | st.integers(-200, 200).map(lambda s: s * SECOND), min_size=1),
)


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.__name__)
@settings(max_examples=tries(10, 1_000), deadline=None)
@given(case=cases)
def test_every_layer_hides_the_tiles_that_the_rule_hides(
    tmp_path_factory: pytest.TempPathFactory, layer: Callable[[App, list[int], Path], list[int]], case: Any
) -> None:
    width, keep, times = case
    app = shop(f"{width}s", f"{keep}s")
    assert layer(app, times, tmp_path_factory.mktemp("layer", numbered=True)) == shown(app, times)


@given(case=cases)
def test_a_features_function_sees_the_tiles_that_the_rule_shows(case: Any) -> None:
    width, keep, times = case
    app = shop(f"{width}s", f"{keep}s")
    tiles: dict[str, Tiles] = {}
    watermarks: dict[str, int] = {}
    lookups = Lookups(app.views, None, [tiles], watermarks)
    views, models = list(app.views.values()), list(app.models.values())
    frozen, _ = fold(views, models, tiles, lookups, watermarks, events(app, times))
    for before, found in zip(count(), frozen["label"], strict=False):
        width_us, now = width * SECOND, times[before]
        seen = [t // width_us for t in times[:before] if t // width_us <= now // width_us]  # not what lies ahead of it
        visible = [start // width_us for start in shown(app, times[:before])] if before else []
        assert found == {"n": sum(tile in visible for tile in seen)}


def test_a_keep_that_reaches_behind_all_time_hides_nothing_and_is_no_trouble_to_sql(tmp_path: Path) -> None:
    app = shop("1h", "999999999w")
    times = [0, 7_200 * SECOND]
    for layer in LAYERS:
        folder = tmp_path / layer.__name__
        folder.mkdir()
        assert layer(app, times, folder) == [0, 7_200 * SECOND]


def test_before_the_first_event_nothing_is_hidden() -> None:
    assert shop("1h", "1h").views["kept"].oldest_kept(None) is None


def test_a_view_without_keep_hides_nothing() -> None:
    view = View("all", App("shop").stream("items", Item), "k", {"n": agg.count()}, tile_us=SECOND)
    assert view.oldest_kept(2**60) is None
    assert view.kept_sql("tile", None) == "true"
