"""A brake on those who guess keys."""

from __future__ import annotations

import math
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address, ip_network
from time import monotonic

BURST = 10
"""How many wrong keys an address may send at once."""
SECONDS = 10.0
"""How long it takes until it may send another one."""
_MOST = 10_000
"""How many addresses are remembered; the oldest is forgotten for a new one."""


class WrongKeys:
    """Counts the wrong keys of each address, and says when no further one is looked at.

    An address that sent `BURST` wrong ones has to wait `SECONDS` for each further try, and does not learn meanwhile
    whether a key is right: a delay alone would brake nobody, since a right key could be told by its quick answer.

    An address that sent the right key before it sent wrong ones is still heard with the right one. Behind a proxy all
    clients have its address, and none of them may lock the others out.

    Parameters
    ----------
    clock
        Seconds that only grow.

    >>> wrong_keys = WrongKeys(clock=lambda: 0.0)
    >>> for _ in range(BURST):
    ...     wrong_keys.count("192.0.2.1")
    >>> wrong_keys.wait_seconds("192.0.2.1"), wrong_keys.wait_seconds("192.0.2.2")
    (10, 0)
    """

    def __init__(self, clock: Callable[[], float] = monotonic):
        self._clock = clock
        self._free_at: dict[str, float] = {}
        """When each address has its whole burst again."""
        self._proved: dict[str, None] = {}

    def wait_seconds(self, address: str) -> int:
        """How long it is until a key of this address is looked at; 0: now."""
        if not self._free_at:  # nobody guesses
            return 0
        left = self._free_at.get(_network(address), 0.0) - self._clock() - (BURST - 1) * SECONDS
        return max(0, math.ceil(left))

    def count(self, address: str) -> None:
        """A wrong key came from there."""
        network, now = _network(address), self._clock()
        free_at = max(self._free_at.pop(network, now), now)
        if len(self._free_at) >= _MOST:
            del self._free_at[next(iter(self._free_at))]
        self._free_at[network] = min(free_at, now + (BURST - 1) * SECONDS) + SECONDS

    def prove(self, address: str) -> None:
        """The right key came from there, while it was looked at."""
        if address not in self._proved:
            if len(self._proved) >= _MOST:
                del self._proved[next(iter(self._proved))]
            self._proved[address] = None

    def is_proved(self, address: str) -> bool:
        """Whether the right key came from there before."""
        return address in self._proved


def _network(address: str) -> str:
    """An address of IPv4, or the network of 64 bits that whoever has one of IPv6 is given whole."""
    try:
        found = ip_address(address)
    except ValueError:  # a socket of the file system, or none
        return address
    return str(ip_network((found, 64), strict=False)) if isinstance(found, IPv6Address) else address
