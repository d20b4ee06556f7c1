"""The cookie of a session, among those of other programs."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.http.session import COOKIE, DAYS, MOST, Sessions, token_in


@pytest.mark.parametrize(
    "beside",
    [b"theme=dark", b'prefs={"a": 1}', b"a b", b"a/b[0]=x y", b"na\xefve=\xff", b"=", b"", b'open="'],
)
def test_a_session_is_found_whatever_cookies_of_other_programs_come_along(beside: bytes) -> None:
    ours = f"{COOKIE}=abc".encode()
    assert token_in(beside + b"; " + ours) == "abc"
    assert token_in(ours + b"; " + beside) == "abc"
    assert token_in(beside) is None


@given(st.binary(max_size=40))
def test_no_header_breaks_the_search_for_a_session(header: bytes) -> None:
    assert token_in(header) is None


def test_a_session_is_known_until_it_ends() -> None:
    now = [0]
    sessions = Sessions("key", None, lambda: now[0])
    first, second = sessions.begin(), sessions.begin()
    assert first != second
    sessions.end(first)
    assert (sessions.include(first), sessions.include(second)) == (False, True)
    now[0] = DAYS * 86_400_000_000
    assert not sessions.include(second)


@given(st.text(max_size=60))
def test_no_other_token_is_known(token: str) -> None:
    sessions = Sessions("key", None, lambda: 0)
    sessions.begin()
    assert not sessions.include(token)
    sessions.end(token)


def test_the_file_brings_sessions_back_under_the_same_key_alone(tmp_path: Path) -> None:
    file = tmp_path / "sessions.json"
    token = Sessions("key", file, lambda: 0).begin()
    assert Sessions("key", file, lambda: 0).include(token)
    assert not Sessions("other", file, lambda: 0).include(token)
    assert (token in file.read_text(), file.stat().st_mode & 0o077) == (False, 0)


@pytest.mark.parametrize("content", [b"", b"\xff", b"[]", b'{"a": "b"}', b"{", b"1"])
def test_a_damaged_file_ends_all_sessions_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    file = tmp_path / "sessions.json"
    token = Sessions("key", file, lambda: 0).begin()
    file.write_bytes(content)
    with caplog.at_level(logging.WARNING):
        assert not Sessions("key", file, lambda: 0).include(token)
    assert "everybody has to log in again" in caplog.text


def test_where_nothing_can_be_written_sessions_end_with_the_process(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "sessions.json"
    sessions = Sessions("key", file, lambda: 0)
    token, ended = sessions.begin(), sessions.begin()
    (tmp_path / "sessions.json.part").mkdir()
    with caplog.at_level(logging.WARNING):
        sessions.end(ended)
    assert "cannot be written" in caplog.text
    assert (sessions.include(token), sessions.include(ended)) == (True, False)
    assert not Sessions("key", file, lambda: 0).include(ended), "what was ended does not come back"


def test_there_are_so_many_sessions_and_the_oldest_ends_for_a_new_one() -> None:
    now = [0]
    sessions = Sessions("key", None, lambda: now[0])
    tokens = []
    for number in range(MOST + 1):
        now[0] = number
        tokens.append(sessions.begin())
    assert [sessions.include(token) for token in tokens] == [False] + [True] * MOST
