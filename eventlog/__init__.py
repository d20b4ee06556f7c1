"""The event log: append, read, validate, dead letters, the lake.

Read `log` first (what every log promises), then `segment` (what it hands out). `sql_log` keeps the log in a database
(`commits`: one commit for many requests; `hot` and `identities`: its statements; `tables`: all tables), `memory_log`
in memory; what both share is `arrange`. `ingest` is the door that events come in by. `lake` holds what is archived.
Beside the log, in the same database: `leases`, `runs`, `schemas`, `dead_letters`.
"""

from eventlog.log import Append, Appended, Log
from eventlog.segment import Record, Segment

__all__ = ["Append", "Appended", "Log", "Record", "Segment"]
