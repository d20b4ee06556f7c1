"""Arrow IPC streams, as the door takes them."""

from __future__ import annotations

import orjson
import pyarrow as pa
import pytest

from eventlog.errors import MalformedBodyError
from eventlog.intake.door import parse
from tests.eventlog.intake.door import ARROW, admitted, ipc, pings, rentals


def test_the_rows_of_an_arrow_stream_are_events() -> None:
    times = pa.array([1_398_938_400_000_000_001, 0], pa.timestamp("ns", "Europe/Berlin"))
    table = pa.table(
        {"rental_id": ["a", "b"], "started": times, "minutes": [1.5, 2.0], "count": [None, 7], "extra": [[1], None]}
    )
    admission = admitted(ARROW, ipc(table))
    assert admission.rejected == []
    assert (admission.append.ids, admission.append.times) == (["a", "b"], [1_398_938_400_000_000, 0])
    assert [orjson.loads(event)["count"] for event in admission.append.data] == [0, 7]  # the default, and what was sent
    assert [orjson.loads(event)["extra"] for event in admission.append.data] == [[1], None]


def test_a_row_with_a_number_that_json_does_not_know_is_refused() -> None:
    table = pa.table({"n": [1, 2, 3], "x": [0.5, float("nan"), float("inf")]})
    admission = admitted(ARROW, ipc(table), pings)
    assert [(rejected.index, rejected.errors[0]["field"]) for rejected in admission.rejected] == [(1, "x"), (2, "x")]
    assert len(admission.append.data) == 1


def test_timestamps_without_a_zone_are_refused_by_their_column() -> None:
    with pytest.raises(MalformedBodyError, match="column 'started' has no time zone"):
        parse(ARROW, ipc(pa.table({"started": pa.array([0], pa.timestamp("us"))})), rentals)


@pytest.mark.parametrize("body", [b"x", b"xxxxxxxx", ipc(pa.table({"n": [1]}))[:100], ipc(pa.table({"n": [1]}))[:-40]])
def test_what_is_no_arrow_stream_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedBodyError):
        parse(ARROW, body, pings)
