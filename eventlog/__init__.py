"""The event log: append, read, validate, dead letters, the lake.

Read `log` first (what every log promises), then `segment` (what it hands out).

`sql_log` keeps the log in a database, `memory_log` in memory; what both share is `arrange` and `fallback`. `commits` is
the thread that commits for many, `hot` and `identities` hold the statements (run by `prepared`), `tables` all tables on
one screen; `recent` is what was just committed.
`ingest` is the door: `bodies` (with `cloudevents` and `arrow`) takes requests apart, `validation` (with `checks` and
`storable`) looks at each event. `lake` holds what is archived, `lake_table` and `lake_columns` know its format. In the
same database: `leases`, `runs`, `schemas`, `dead_letters`, `counts`.
"""

from eventlog.log import Append, Appended, Log
from eventlog.segment import Record, Segment

__all__ = ["Append", "Appended", "Log", "Record", "Segment"]
