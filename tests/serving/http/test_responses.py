"""Answers: JSON of any number, and problems that programs and people can act on."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.http.log_lines import request_id
from serving.http.responses import answer_json, answer_problem, to_json

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**200), 2**200)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text('aé"\\ ', max_size=3), inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_json_reads_as_what_was_written_whole_numbers_of_any_size_among_it(content: Any) -> None:
    assert json.loads(to_json(content)) == content


def test_what_json_has_no_number_for_is_not_written_as_something_that_nobody_reads() -> None:
    assert to_json({"a": float("nan")}) == b'{"a":null}'
    with pytest.raises(ValueError, match="JSON"):
        to_json({"large": 2**70, "a": float("nan")})


def test_an_answer_says_what_it_is() -> None:
    answer = answer_json({"a": 1}, 207, {"X-More": "b"})
    assert (answer.status_code, bytes(answer.body)) == (207, b'{"a":1}')
    assert (answer.headers["content-type"], answer.headers["x-more"]) == ("application/json", "b")


@pytest.mark.parametrize(("status", "told"), [(422, False), (499, False), (500, True), (503, True)])
def test_only_a_problem_on_our_side_says_by_what_it_is_reported(status: int, told: bool) -> None:
    token = request_id.set("request-7")
    try:
        answer = answer_problem(status, "some-kind", "Some title", "What is wrong here", limit=3)
    finally:
        request_id.reset(token)
    content = json.loads(bytes(answer.body))
    assert ("request_id" in content) == told
    content.pop("request_id", None)
    assert content == {
        "type": "urn:anabranch:problem:some-kind",
        "title": "Some title",
        "status": status,
        "detail": "What is wrong here",
        "limit": 3,
    }
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


def test_without_a_request_there_is_no_id_to_tell() -> None:
    assert b"request_id" not in bytes(answer_problem(500, "kind", "title", "detail").body)
