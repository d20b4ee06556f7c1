"""Rows in batches: nothing is lost, reordered or numbered wrong, and a batch is bounded by rows and by bytes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate, pairwise

from hypothesis import given
from hypothesis import strategies as st

from eventlog.intake.parsed_events import Reason
from infra.importing.row_batches import BATCH_BYTES, FilePosition, FileRow, batched

REFUSED: list[Reason] = [{"field": None, "message": "no", "type": "t"}]


@given(
    texts=st.lists(st.tuples(st.binary(max_size=5), st.booleans()), max_size=30),
    most_rows=st.integers(1, 7),
    row=st.integers(0, 99),
    byte=st.integers(0, 999),
)
def test_batches_join_up_to_the_rows_from_any_place_on(
    texts: list[tuple[bytes, bool]], most_rows: int, row: int, byte: int
) -> None:
    ends = accumulate((len(text) + 1 for text, _ in texts), initial=byte)
    next(ends)
    rows = [
        FileRow(text, end, line, REFUSED if refused else None)
        for line, ((text, refused), end) in enumerate(zip(texts, ends, strict=True), row + 1)
    ]
    start = FilePosition(row, byte)
    batches = list(batched(rows, start, most_rows))

    assert [text for batch in batches for text in batch.rows] == [row.text for row in rows]
    assert [line for batch in batches for line in batch.lines] == [row.line for row in rows]
    refused = [batch.start.row - row + index for batch in batches for index in batch.refused]
    assert refused == [index for index, (_, is_refused) in enumerate(texts) if is_refused]
    assert all(1 <= len(batch.rows) <= most_rows for batch in batches)
    assert all(before.end == after.start for before, after in pairwise(batches))
    if batches:
        assert batches[0].start == start
        assert batches[-1].end == FilePosition(row + len(rows), rows[-1].end)


def test_the_row_that_reaches_the_bytes_ends_its_batch() -> None:
    half = b"x" * (BATCH_BYTES // 2)
    batches = list(
        batched(
            [FileRow(half), FileRow(half[1:]), FileRow(b"y"), FileRow(half + half), FileRow(b"z")], FilePosition(), 100
        )
    )
    assert [len(batch.rows) for batch in batches] == [3, 1, 1]


def test_a_batch_is_given_before_a_row_behind_it_is_read() -> None:
    read = []

    def rows() -> Iterator[FileRow]:
        for number in range(5):
            read.append(number)
            yield FileRow(b"x")

    batches = batched(rows(), FilePosition(), 2)
    found = next(batches)
    assert (len(found.rows), read) == (2, [0, 1])
