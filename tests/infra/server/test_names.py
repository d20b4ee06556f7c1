"""Which names are a service's own, by where it listens."""

from __future__ import annotations

import socket

import pytest

from infra.errors import UsageError
from infra.server.names import served_names
from infra.settings import Settings


def served(host: str, asked: str, **given: str) -> bool:
    """Whether a service that listens there answers when it is asked so. Nothing listens here: it is only bound."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as listener:
        listener.bind((host, 0))
        return served_names(Settings.load(host=host, **given), listener).include(asked.encode())


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@pytest.mark.parametrize(
    ("asked", "answered"),
    [("localhost:8000", True), ("127.0.0.1", True), ("[::1]", True), ("10.1.2.3", False), ("a.example", False)],
)
def test_on_loopback_only_loopback_is_ones_own(host: str, asked: str, answered: bool) -> None:
    assert served(host, asked) == answered


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        ("10.1.2.3:8000", True),  # the probe of a pod
        ("[2001:db8::1]", True),
        ("localhost", True),
        (socket.gethostname(), True),
        ("rebound.example", False),
    ],
)
def test_on_every_address_every_literal_address_is_ones_own(host: str, asked: str, answered: bool) -> None:
    if host == "::" and not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    assert served(host, asked) == answered


def test_the_settings_name_more() -> None:
    names = "data.example.com, *.lan,[2001:db8::1] 10.0.0.1"
    for asked in ("data.example.com", "a.lan:80", "[2001:db8::1]", "10.0.0.1", "localhost"):
        assert served("127.0.0.1", asked, allowed_hosts=names)
    assert not served("127.0.0.1", "example.com", allowed_hosts=names)


@pytest.mark.parametrize("names", ["http://a.example", "a.example:80", "a.*", "a b/c", "*a.example"])
def test_what_is_no_name_is_refused_with_its_variable(names: str) -> None:
    with pytest.raises(UsageError, match="ANABRANCH_ALLOWED_HOSTS"):
        Settings.load(allowed_hosts=names)
