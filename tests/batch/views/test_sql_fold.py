"""The fold as SQL: where it is taken, and that it puts an event into the tile that Python puts it into."""

from __future__ import annotations

import duckdb
from hypothesis import example, given
from hypothesis import strategies as st

from anabranch.instant import instant_us
from batch.views import sql_fold
from tests.batch.conftest import Home
from tests.batch.rides import rides


def test_the_sql_road_is_taken_where_it_can(home: Home) -> None:
    home.post("rides", rides(10))
    home.run()
    files = home.lake.files("rides", 0, 10)
    taken = {v.name for v in home.app.views_of("rides") if sql_fold.usable(v, files)}
    assert taken == {"in_sql", "alone", "kept"}


@given(
    st.lists(st.integers(instant_us("0001-01-01T00:00:00Z"), instant_us("9999-12-31T00:00:00Z")), min_size=1),
    st.integers(1, 10**14),
)
@example([-1, 0, 1, 59, 60, 61, -59, -60, -61], 60)
def test_sql_puts_a_time_into_the_tile_that_python_puts_it_into(times: list[int], width: int) -> None:
    rows = duckdb.execute(f"SELECT {sql_fold.tile_sql('t', width)} FROM (SELECT unnest(?::BIGINT[]) AS t)", [times])
    assert [tile for (tile,) in rows.fetchall()] == [time // width * width for time in times]
