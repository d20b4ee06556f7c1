from __future__ import annotations

from pathlib import Path

import pytest

from eventlog.errors import LeaseLostError
from eventlog.registry.condemned_blobs import CondemnedBlobs
from eventlog.registry.database import Database
from eventlog.registry.leases import Leases


def test_what_was_condemned_is_known_for_good_and_only_who_holds_the_lease_condemns(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/log.db")
    leases, condemned = Leases(database, lambda: 0), CondemnedBlobs(database)
    overtaken = leases.acquire("batch", "a:1:1", 0)
    assert overtaken is not None
    many = [f"blobs/{number}" for number in range(1_200)]
    condemned.condemn(many, overtaken)
    condemned.condemn(many[:3], overtaken)
    holder = leases.acquire("batch", "b:1:1", 0)
    assert holder is not None
    with pytest.raises(LeaseLostError):
        condemned.condemn(["blobs/another"], overtaken)
    assert condemned.among([*many, "blobs/another", "blobs/1"]) == set(many)
    assert condemned.among([]) == set()
    database.close()
