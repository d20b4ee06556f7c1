"""The log: append, read, wait, trim.

Read `log` first (the contract), then `segment` (what it hands out).

`sql_log` keeps the log in a database, `memory_log` in memory; what both share is `placement` (where events go) and
`archived_segments` (what is no longer hot). `group_commit` is the thread that commits for many; `segment_rows` and
`id_index` hold the statements, run by `prepared_statement`; `segment_cache` has what was just committed.
`commit_outcome` finds out what became of a commit whose answer was lost; `keyed_requests` and `repeated_appends` have
a request with an Idempotency-Key carried out once. `identity` is the id of a log; `event_finder` finds one event by its
id; `reading` goes through a log from one cut to another; `retraction` is what readers see of an event that was taken
out.
"""

from eventlog.log.keyed_requests import Answered, KeyedRequest
from eventlog.log.log import MAX_ID_BYTES, Append, Appended, Log
from eventlog.log.segment import Record, Segment

__all__ = ["MAX_ID_BYTES", "Answered", "Append", "Appended", "KeyedRequest", "Log", "Record", "Segment"]
