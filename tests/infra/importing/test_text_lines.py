from __future__ import annotations

import io

from hypothesis import given
from hypothesis import strategies as st

from infra.importing.text_lines import lines_of

pieces = st.lists(st.sampled_from([b"a", b"bc", b"\n", b"\r", b"\r\n", b"x" * 9]), max_size=30)


@given(pieces=pieces)
def test_lines_are_those_of_splitlines_from_every_line_on(pieces: list[bytes]) -> None:
    content = b"".join(pieces)
    expected = content.splitlines(keepends=True)
    lines = list(lines_of(io.BytesIO(content), 0, 1_000))
    assert [line.raw for line in lines] == expected
    assert [line.number for line in lines] == list(range(1, len(expected) + 1))
    for line in lines:
        assert list(lines_of(io.BytesIO(content), line.end, 1_000)) == lines[line.number :]


def test_of_a_line_that_is_too_long_the_beginning_is_kept_and_the_next_follows() -> None:
    content = b"first\n" + b"y" * (3 << 20) + b"\r\nlast\n"
    lines = list(lines_of(io.BytesIO(content), 0, 1 << 20))
    assert [line.size for line in lines] == [6, (3 << 20) + 2, 5]
    assert [len(line.raw) for line in lines] == [6, 10_000, 5]
    assert lines[-1].end == len(content)
