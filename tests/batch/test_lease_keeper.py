from __future__ import annotations

from threading import Event

import pytest

from batch.lease_keeper import LeaseKeeper
from eventlog.errors import LeaseLostError, LogUnavailableError
from eventlog.registry.leases import Lease, MemoryLeases


class Troubled(MemoryLeases):
    """Leases whose database is away for a while: one trouble after the other, then it is back."""

    def __init__(self, *troubles: Exception):
        super().__init__()
        self.troubles = list(troubles)
        self.renewed = Event()

    def renew(self, lease: Lease, ttl_seconds: float) -> Lease:
        if self.troubles:
            raise self.troubles.pop(0)
        renewed = super().renew(lease, ttl_seconds)
        self.renewed.set()
        return renewed

    def release(self, lease: Lease) -> None:
        if self.troubles:
            raise self.troubles.pop(0)
        super().release(lease)


def acquired(leases: MemoryLeases) -> Lease:
    lease = leases.acquire("batch", "me", 60)
    assert lease is not None
    return lease


@pytest.mark.parametrize("trouble", [LogUnavailableError("restarting"), RuntimeError("something else")])
def test_a_renewal_that_fails_is_tried_again(trouble: Exception) -> None:
    leases = Troubled(trouble)
    with LeaseKeeper(leases, acquired(leases), 0.03) as keeper:
        assert leases.renewed.wait(30)
        keeper.check()
    assert keeper.problem is None
    assert leases.acquire("batch", "other", 60) is not None


def test_a_lease_that_cannot_be_given_back_is_told_and_the_work_stays_done() -> None:
    leases = Troubled(LogUnavailableError("restarting"))
    with LeaseKeeper(leases, acquired(leases), 60) as keeper:
        done = True
    assert done
    assert keeper.problem is not None
    assert "restarting" in keeper.problem


def test_what_ends_the_work_is_not_hidden_by_a_lease_that_cannot_be_given_back() -> None:
    leases = Troubled(LogUnavailableError("restarting"))
    with pytest.raises(ZeroDivisionError), LeaseKeeper(leases, acquired(leases), 60):
        raise ZeroDivisionError


def test_a_lease_that_another_took_is_lost() -> None:
    leases = Troubled(LeaseLostError("batch", 1, 2))
    with LeaseKeeper(leases, acquired(leases), 60) as keeper, pytest.raises(LeaseLostError):
        keeper.confirm()
