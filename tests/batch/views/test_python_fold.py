"""The fold in Python: its memory is bounded by the tiles that it holds."""

from __future__ import annotations

from tests.batch.conftest import Home


def test_more_tiles_than_fit_into_memory_are_written_and_merged(home: Home) -> None:
    for part in range(6):
        home.post("words", [{"text": f"a{part}-{index} b{part}-{index} c again{index}"} for index in range(9_000)])
    home.run(slice_records=100_000)
    served = home.served(1, home.app.views["pairs"])["pairs"]
    assert len(served) == 6 * 2 * 9_000 + 1 + 9_000
    assert served[("c",), 0] == {"n": 54_000}
    assert {served[(f"again{index}",), 0]["n"] for index in range(9_000)} == {6}
