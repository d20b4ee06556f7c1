"""Large JSON arrays, read a stretch at a time."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventlog.errors import MalformedBodyError, TooManyEventsError
from eventlog.intake.json_arrays import STRETCH_BYTES, elements, json_text

NEVER = 10**9
SCALARS = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(alphabet='ab,[]{}:"\\\näé', max_size=20)
)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner))
FILLERS = (
    b'"' + b"\\\\" * 40_000 + b'"',
    b'"' + b'\\"' * 40_000 + b'"',
    b" " * 60_000 + b"1",
    b"[" + b"[]," * 20_000 + b"1]",
)


def whole(text: bytes) -> list[Any]:
    found: list[Any] = []
    for stretch in elements(text, NEVER, NEVER):
        assert isinstance(stretch, list)
        found += stretch
    return found


@settings(max_examples=50)
@given(st.lists(VALUES | st.sampled_from(FILLERS), min_size=1, max_size=12), st.sampled_from([b",", b" ,\n", b"\t, "]))
def test_the_elements_are_those_of_a_parser_wherever_stretches_end(values: list[Any], comma: bytes) -> None:
    texts = [value if isinstance(value, bytes) else orjson.dumps(value) for value in values]
    text = b"\n[" + comma.join([*texts, b" " * (STRETCH_BYTES + 1) + b"0"]) + b"] "
    assert whole(text) == orjson.loads(text)


def test_a_large_array_comes_in_stretches_of_which_none_is_large() -> None:
    event = b'{"text":"%b"}' % (b"x" * 1_000)
    stretches = list(elements(b"[%b]" % b",".join([event] * 5_000), NEVER, NEVER))
    assert sum(map(len, stretches)) == 5_000
    assert max(map(len, stretches)) * len(event) <= STRETCH_BYTES


def test_an_element_that_is_too_large_comes_as_it_is_and_is_not_parsed() -> None:
    large = b'{"wrong":%b}' % (b"x" * 300_000)
    small = b",".join([b"1"] * 200_000)
    stretches = list(elements(b"[%b,%b, %b ,2]" % (small, large, large), NEVER, 1_000))
    assert [stretch for stretch in stretches if isinstance(stretch, bytes)] == [large, large]
    assert sum(len(stretch) for stretch in stretches if isinstance(stretch, list)) == 200_001


def test_more_elements_than_may_be_are_told_before_the_last_is_read() -> None:
    text = b"[%b, this is no JSON]" % b",".join([b"1"] * 1_000_000)
    with pytest.raises(TooManyEventsError):
        list(elements(text, 999_999, NEVER))
    with pytest.raises(MalformedBodyError):
        list(elements(text, NEVER, NEVER))


@pytest.mark.parametrize(
    "end", [b",", b",,1", b"]", b"[", b"{", b'"', b'"\\', b"}", b"{]", b"1 2", b"\xff", b"x", b'"\n"', b"1],[1", b",]["]
)
@pytest.mark.parametrize("front", [0, STRETCH_BYTES, 3 * STRETCH_BYTES])
def test_what_is_no_json_is_told_with_its_line(end: bytes, front: int) -> None:
    text = b"[\n" + b"1,\n" * (front // 3) + b"1,\n" + end + b"\n]"
    with pytest.raises(MalformedBodyError, match="not JSON") as caught:
        whole(text)
    line = front // 3 + 3
    assert caught.value.line in (line - 1, line, line + 1)
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(text)


@given(st.lists(st.sampled_from([b"[", b"]", b"{", b"}", b'"', b",", b"\\", b"1", b":", b"a", b" "]), max_size=30))
def test_what_a_parser_refuses_is_refused_and_what_it_takes_is_taken(pieces: list[bytes]) -> None:
    text = b"[%b1,%b]" % (b"1," * (STRETCH_BYTES // 2), b"".join(pieces))
    try:
        expected = orjson.loads(text)
    except orjson.JSONDecodeError:
        with pytest.raises(MalformedBodyError):
            whole(text)
    else:
        assert whole(text) == expected


def test_what_is_nested_too_deeply_to_be_written_is_malformed() -> None:
    with pytest.raises(MalformedBodyError, match="254 deep"):
        json_text(orjson.loads(b"[" * 500 + b"]" * 500))
