"""The cookie of a session, among those of other programs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.http.session import COOKIE, token_in, token_of


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


def test_the_token_depends_on_the_whole_key_and_does_not_hold_it() -> None:
    tokens = {token_of(key) for key in ("secret", "secret ", "Secret", "secre")}
    assert len(tokens) == 4
    assert not any("secre" in token for token in tokens)
