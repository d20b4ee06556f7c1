"""Keeps a lease alive while its holder works."""

from __future__ import annotations

import logging
from threading import Event, Thread
from types import TracebackType
from typing import Protocol, Self

from eventlog.errors import LeaseLostError, LogUnavailableError
from eventlog.registry.leases import Lease

logger = logging.getLogger(__name__)


class Renewing(Protocol):
    """The part of `eventlog.registry.leases.Leases` that this needs."""

    def acquire(self, name: str, holder: str, ttl_seconds: float) -> Lease | None: ...

    def renew(self, lease: Lease, ttl_seconds: float) -> Lease: ...

    def release(self, lease: Lease) -> None: ...


class LeaseKeeper:
    """Renews a lease three times in its life, from a thread, and gives it back at the end.

    Parameters
    ----------
    leases
        Where it comes from.
    lease
        As it was acquired.
    ttl_seconds
        Its life.

    Attributes
    ----------
    problem
        After the end: why the lease could not be given back; None: it was, or another has it.
    """

    def __init__(self, leases: Renewing, lease: Lease, ttl_seconds: float):
        self.lease = lease
        self._leases = leases
        self._ttl_seconds = ttl_seconds
        self._stop = Event()
        self._lost: LeaseLostError | None = None
        self.problem: str | None = None
        self._thread = Thread(target=self._renew, name="lease-keeper", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        try:
            self._leases.release(self.lease)
        except Exception as error:  # the work is done or has failed already: neither is changed by this
            self.problem = (
                f"the lease {self.lease.name!r} could not be given back; on other machines it is free"
                f" {self._ttl_seconds:.0f} s after its last renewal: {error}"
            )

    def check(self) -> None:
        """Raise `LeaseLostError` if another has the lease by now."""
        if self._lost is not None:
            raise self._lost

    def confirm(self) -> None:
        """Renew the lease now; raises `LeaseLostError` if another has it."""
        self.check()
        self._leases.renew(self.lease, self._ttl_seconds)

    def overtaken(self) -> LeaseLostError | None:
        """Ask now whether another has the lease; None: nobody, as far as can be known."""
        try:
            self.confirm()
        except LeaseLostError as error:
            return error
        except Exception:  # who cannot ask is not overtaken by that
            return None
        return None

    def _renew(self) -> None:
        while not self._stop.wait(self._ttl_seconds / 3):
            try:
                self._leases.renew(self.lease, self._ttl_seconds)
            except LeaseLostError as error:
                self._lost = error
                return
            except LogUnavailableError:
                continue  # the marker is fenced: a lease that could not be renewed harms nothing
            except Exception:  # as little; but it is not expected, and must be seen
                logger.exception("the lease %r could not be renewed", self.lease.name)
