"""What leases must do, wherever they are kept."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from eventlog.errors import LeaseLostError
from eventlog.registry.lease_holder import is_dead, this_process
from eventlog.registry.leases import Leases, MemoryLeases

ROOT = Path(__file__).parent.parent.parent


class Clock:
    """A clock that stands still until told; in microseconds."""

    def __init__(self) -> None:
        self.now = 1_700_000_000_000_000

    def __call__(self) -> int:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += round(seconds * 1e6)


class LeasesContract:
    @pytest.fixture
    def clock(self) -> Clock:
        return Clock()

    @pytest.fixture
    def leases(self, clock: Clock) -> Leases | MemoryLeases:
        raise NotImplementedError

    def test_one_holder_has_it_and_another_does_not_get_it(self, leases: Leases) -> None:
        lease = leases.acquire("batch", "a", 60)
        assert lease is not None
        assert (lease.name, lease.holder) == ("batch", "a")
        assert leases.acquire("batch", "b", 60) is None
        assert leases.acquire("batch", "a", 60) is None
        assert leases.acquire("import", "b", 60) is not None

    def test_every_acquisition_has_a_larger_token(self, leases: Leases) -> None:
        tokens = []
        for _ in range(3):
            lease = leases.acquire("batch", "a", 60)
            assert lease is not None
            tokens.append(lease.token)
            leases.release(lease)
        assert tokens == sorted(set(tokens))

    def test_an_expired_lease_can_be_taken_and_then_its_old_holder_has_lost_it(
        self, leases: Leases, clock: Clock
    ) -> None:
        old = leases.acquire("batch", "a", 60)
        assert old is not None
        clock.advance(59)
        assert leases.acquire("batch", "b", 60) is None
        clock.advance(1)
        new = leases.acquire("batch", "b", 60)
        assert new is not None
        with pytest.raises(LeaseLostError):
            leases.renew(old, 60)
        leases.release(old)
        assert leases.acquire("batch", "c", 60) is None
        assert leases.renew(new, 60).token == new.token

    def test_a_renewed_lease_lasts_longer(self, leases: Leases, clock: Clock) -> None:
        lease = leases.acquire("batch", "a", 60)
        assert lease is not None
        clock.advance(59)
        leases.renew(lease, 60)
        clock.advance(59)
        assert leases.acquire("batch", "b", 60) is None

    def test_a_lease_that_expired_but_nobody_took_can_be_renewed(self, leases: Leases, clock: Clock) -> None:
        lease = leases.acquire("batch", "a", 60)
        assert lease is not None
        clock.advance(100)
        assert leases.renew(lease, 60).expires == clock() + 60_000_000

    def test_the_lease_of_a_dead_process_is_free_at_once(self, leases: Leases) -> None:
        program = "from eventlog.registry.lease_holder import this_process; print(this_process())"
        process = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
        holder = process.stdout.strip()
        assert is_dead(holder)
        assert leases.acquire("batch", holder, 3600) is not None
        assert leases.acquire("batch", this_process(), 3600) is not None
        assert leases.acquire("batch", holder, 3600) is None
