"""Under which names the service may be asked: its own, so that a page of another site cannot pass for one of ours.

A page at a name that its owner makes lead to this machine (DNS rebinding) is to the browser of the same site as we are:
it reads every answer, and ``Sec-Fetch-Site`` says nothing against it. What it cannot choose is the header `Host`, which
holds the name that it came by. A literal address is safe where it is ours: it was not looked up, so nobody could rebind
it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address

from starlette.types import ASGIApp, Receive, Scope, Send

from serving.errors import UnknownHostError
from serving.http.problems import problem_of

_HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::[0-9]*)?").fullmatch
"""RFC 9112, section 3.2: a name or an address, that of IPv6 in brackets, and perhaps a port."""
_KNOWN_MOST = 1_000
"""How many headers that were found right are remembered: clients spell few, and others are looked at again."""


class ServedNames:
    """The names and addresses under which the service may be asked, whatever the port.

    Loopback's are always among them: ``localhost``, 127.0.0.0/8, ``::1``.

    Parameters
    ----------
    names
        Names and addresses; ``*.example.com`` stands for every name below example.com, ``*`` for any name at all.
    any_address
        Whether every literal address is ours: as it is where the service listens on all that the machine has.

    >>> served = ServedNames(["bikes.example.com", "*.lan"])
    >>> [served.include(host) for host in (b"Bikes.example.com:80", b"a.lan", b"localhost:8000", b"[::1]:8000")]
    [True, True, True, True]
    >>> [served.include(host) for host in (b"rebound.example", b"lan", b"192.0.2.1", b"0.0.0.0", b"a@localhost", b"")]
    [False, False, False, False, False, False]
    """

    def __init__(self, names: Iterable[str], *, any_address: bool = False):
        given = {name.strip().lower().rstrip(".") for name in names}
        self._any_name = "*" in given
        self._below = tuple(name.removeprefix("*") for name in given if name.startswith("*."))
        addresses = {name: _address(name.strip("[]")) for name in given}
        self._addresses = {address for address in addresses.values() if address is not None}
        self._names = {"localhost", *(name for name, address in addresses.items() if address is None)}
        self._any_address = any_address
        self._known: set[bytes] = set()

    def include(self, host: bytes) -> bool:
        """Whether a header `Host` holds one of them."""
        if host in self._known:
            return True
        if not self._includes(host.decode("latin-1").lower()):
            return False
        if len(self._known) < _KNOWN_MOST:
            self._known.add(host)
        return True

    def _includes(self, host: str) -> bool:
        found = _HOST(host)
        if found is None:
            return False
        name = found[1] or found[2].removesuffix(".")
        if self._any_name:
            return True
        address = _address(name)
        if address is not None:
            return address.is_loopback or self._any_address or address in self._addresses
        return name in self._names or name.endswith(self._below)


class OwnNames:
    """Refuses requests under another name than those that are served.

    A request of HTTP/1.0 may come without a name, as the probes of old load balancers do: no browser sends such.
    """

    def __init__(self, app: ASGIApp, served: ServedNames):
        self.app = app
        self._served = served

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            hosts = [value for name, value in scope["headers"] if name == b"host"]
            nameless = not hosts and scope["http_version"] == "1.0"
            if not nameless and (len(hosts) != 1 or not self._served.include(hosts[0])):
                await problem_of(UnknownHostError(b", ".join(hosts).decode("latin-1")))(scope, receive, send)
                return
        await self.app(scope, receive, send)


def _address(name: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(name)
    except ValueError:
        return None
