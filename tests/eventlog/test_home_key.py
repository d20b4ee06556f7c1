"""The key of a home: made once, for its owner alone, and what it tells apart."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog.errors import HomeKeyError
from eventlog.home_key import FILE, HomeKey


def test_a_key_is_made_once_and_its_owner_alone_may_read_it(tmp_path: Path) -> None:
    first = HomeKey.of(tmp_path).mac("models", b"content")
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    assert HomeKey.of(tmp_path).mac("models", b"content") == first
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_every_home_has_another_key(tmp_path: Path) -> None:
    homes = [tmp_path / name for name in "ab"]
    for home in homes:
        home.mkdir()
    assert len({HomeKey.of(home).mac("models", b"content") for home in homes}) == 2


def test_whoever_asks_at_once_gets_the_same_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        macs = set(pool.map(lambda _: HomeKey.of(tmp_path).mac("models", b"content"), range(64)))
    assert len(macs) == 1
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


@pytest.mark.parametrize("content", [b"", b"\n", b"00" * 31, b"00" * 33, b"no hexadecimal digits", b"\xff" * 64])
def test_a_damaged_key_is_named_with_what_to_do(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(HomeKeyError, match=r"damaged.*Put it back from a backup, or remove it") as caught:
        HomeKey.of(tmp_path)
    assert caught.value.path == tmp_path / FILE
    assert (tmp_path / FILE).read_bytes() == content, "it may be mended by hand"


def test_a_key_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    with pytest.raises(HomeKeyError, match="No such file or directory"):
        HomeKey.of(tmp_path / "away")


@given(st.binary(min_size=32), st.binary(min_size=32), st.text(), st.text(), st.binary(), st.binary())
def test_a_mac_is_of_one_key_one_purpose_and_one_content(
    secret: bytes, other: bytes, purpose: str, another: str, content: bytes, changed: bytes
) -> None:
    secret, other, another = b"a" + secret, b"b" + other, another.replace("\0", "")
    purpose = purpose.replace("\0", "")
    key = HomeKey(secret)
    mac = key.mac(purpose, content)
    assert key.made(mac, purpose, content)
    assert not HomeKey(other).made(mac, purpose, content)
    assert key.made(mac, another, content) == (purpose == another)
    assert key.made(mac, purpose, changed) == (content == changed)


@pytest.mark.parametrize("mac", [None, 5, "", "0" * 64, "é" * 64, b"bytes", ["x"]])
def test_what_is_no_mac_of_the_key_is_refused_whatever_it_is(mac: object) -> None:
    assert not HomeKey(b"k" * 32).made(mac, "models", b"content")
