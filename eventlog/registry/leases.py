"""Leases: who may do what only one may do, and the token that fences out a holder who lost it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from threading import RLock
from time import monotonic, sleep

from sqlalchemy import Connection, select, update

from eventlog.clock import Clock, now_us
from eventlog.errors import LeaseLostError, LogUnavailableError
from eventlog.registry.database import Database
from eventlog.registry.lease_holder import is_dead
from eventlog.registry.tables import leases

_PATIENCE_SECONDS = 5.0
"""How long a database that went away just then is asked whether it has a lease."""
_AGAIN_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Lease:
    """A right that one holder has at a time.

    Attributes
    ----------
    name
        To what.
    token
        Grows by one with each acquisition. Whoever writes under the lease presents it; an older one is refused.
    holder
        ``host:pid:start`` (see `lease_holder.this_process`); None: nobody.
    expires
        When others may take it, in microseconds, unless it is renewed.
    """

    name: str
    token: int = 0
    holder: str | None = None
    expires: int = 0

    def acquired(self, holder: str, now: int, ttl_seconds: float) -> Lease | None:
        """The lease in the hands of `holder`; None while another has it.

        It can be taken if it was never held, is released or expired, or its holder is a process that is gone.
        """
        if self.holder is None or self.expires <= now or is_dead(self.holder):
            return Lease(self.name, self.token + 1, holder, now + round(ttl_seconds * 1e6))
        return None

    def check(self, presented: Lease) -> None:
        """Raise `LeaseLostError` unless `presented` is valid while this is what is stored.

        One that expired but that nobody else took is still valid: the token alone decides.
        """
        if self.holder is None or self.token != presented.token:
            raise LeaseLostError(presented.name, presented.token, None if self.holder is None else self.token)


class Leases:
    """Leases in the database."""

    def __init__(self, database: Database, clock: Clock = now_us):
        self.database = database
        self.clock = clock

    def acquire(self, name: str, holder: str, ttl_seconds: float) -> Lease | None:
        """Take a lease. None: another has it, or the very same holder."""
        lease: Lease | None = None
        try:
            with self.database.write() as connection:
                self.database.insert_if_absent(connection, leases, name=name, token=0, holder=None, expires=0)
                lease = _locked(connection, name).acquired(holder, self.clock(), ttl_seconds)
                if lease is not None:
                    _store(connection, lease)
            return lease
        except LogUnavailableError:
            # taken unheard, perhaps: then nobody else could have it, nor this holder, until its time is over
            if lease is not None and self._holds(lease):
                return lease
            raise

    def _holds(self, lease: Lease) -> bool:
        """Whether a lease is stored just so; its token, holder and time together are those of one acquisition."""
        deadline = monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                with self.database.write() as connection:  # waits for a COMMIT that the server is still at
                    return _locked(connection, lease.name) == lease
            except LogUnavailableError:
                if monotonic() >= deadline:
                    return False
            sleep(_AGAIN_SECONDS)

    def renew(self, lease: Lease, ttl_seconds: float) -> Lease:
        """The same lease for `ttl_seconds` from now. Raises `LeaseLostError` if another took it."""
        with self.database.write() as connection:
            check_lease(connection, lease)
            renewed = replace(lease, expires=self.clock() + round(ttl_seconds * 1e6))
            _store(connection, renewed)
            return renewed

    def release(self, lease: Lease) -> None:
        """Give a lease back. One that another took stays with that one."""
        with self.database.write() as connection:
            if _locked(connection, lease.name).token == lease.token:
                _store(connection, Lease(lease.name, lease.token))


class MemoryLeases:
    """Leases within one process: the twin of `Leases`."""

    def __init__(self, clock: Clock = now_us):
        self.clock = clock
        self.lock = RLock()
        self._lease_by_name: dict[str, Lease] = {}

    def acquire(self, name: str, holder: str, ttl_seconds: float) -> Lease | None:
        """As `Leases.acquire`."""
        with self.lock:
            lease = self._get(name).acquired(holder, self.clock(), ttl_seconds)
            if lease is not None:
                self._lease_by_name[name] = lease
            return lease

    def renew(self, lease: Lease, ttl_seconds: float) -> Lease:
        """As `Leases.renew`."""
        with self.lock:
            self.check(lease)
            self._lease_by_name[lease.name] = replace(lease, expires=self.clock() + round(ttl_seconds * 1e6))
            return self._lease_by_name[lease.name]

    def release(self, lease: Lease) -> None:
        """As `Leases.release`."""
        with self.lock:
            if self._get(lease.name).token == lease.token:
                self._lease_by_name[lease.name] = Lease(lease.name, lease.token)

    def check(self, lease: Lease) -> None:
        """As `check_lease`."""
        self._get(lease.name).check(lease)

    def _get(self, name: str) -> Lease:
        return self._lease_by_name.get(name, Lease(name))


def check_lease(connection: Connection, lease: Lease) -> None:
    """Raise `LeaseLostError` unless the lease is valid, and keep it so until the transaction ends."""
    _locked(connection, lease.name).check(lease)


def _locked(connection: Connection, name: str) -> Lease:
    """The lease as stored, which no other transaction changes before this one ends."""
    row = connection.execute(select(leases).where(leases.c.name == name).with_for_update()).one_or_none()
    return Lease(name) if row is None else Lease(*row)


def _store(connection: Connection, lease: Lease) -> None:
    values = {"token": lease.token, "holder": lease.holder, "expires": lease.expires}
    connection.execute(update(leases).where(leases.c.name == lease.name).values(values))
