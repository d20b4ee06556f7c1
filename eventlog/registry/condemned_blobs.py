"""Names of the store that were condemned: whoever removes them may sleep meanwhile, and nobody shall meet him.

A batch run writes down what it is going to remove, under its lease, before it does. Another run that comes to the same
content gives it another name: so a run that was overtaken between the decision and the removal, and wakes up after any
time, removes only what nobody has named since.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select

from eventlog.clock import Clock, now_us
from eventlog.registry.database import Database
from eventlog.registry.leases import Lease, check_lease
from eventlog.registry.tables import condemned_blobs

_ASKED_TOGETHER = 500


class CondemnedBlobs:
    """The names that no batch run gives any more.

    Parameters
    ----------
    clock
        Microseconds since 1970.
    """

    def __init__(self, database: Database, clock: Clock = now_us):
        self._database = database
        self._clock = clock

    def condemn(self, names: Iterable[str], lease: Lease) -> None:
        """Never give names again; only after it returned they may be removed.

        Raises
        ------
        LeaseLostError
            If another has the lease by now: nothing was condemned, and nothing may be removed.
        """
        now = self._clock()
        rows = [{"name": name, "condemned": now} for name in names]
        with self._database.write() as connection:
            check_lease(connection, lease)
            if rows:
                self._database.insert_all_if_absent(connection, condemned_blobs, rows)

    def among(self, names: Iterable[str]) -> set[str]:
        """Those of some names that were condemned."""
        asked, found = sorted(set(names)), set[str]()
        name = condemned_blobs.c.name
        with self._database.read() as connection:
            for first in range(0, len(asked), _ASKED_TOGETHER):
                some = asked[first : first + _ASKED_TOGETHER]
                found.update(connection.execute(select(name).where(name.in_(some))).scalars())
        return found
