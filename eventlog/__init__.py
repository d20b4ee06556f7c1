"""The event log: what comes in, the log itself, the lake, and what is remembered beside them.

Read `log` first (what every log promises), then `intake` (how an event gets there). `home_key` is how a home knows its
own files again, `durable_files` how files come to be whole or not at all.

=============  =====================================================================================
room           what is here
=============  =====================================================================================
`intake`       what comes in: bodies of requests, taken apart, validated, and in the form they are stored in
`log`          the log: its contract, the log in a database, its twin in memory
`lake`         the permanent master data set, one Delta Lake table a stream
`registry`     the database and its tables: leases, runs, schemas, dead letters
`counting`     how many events there are, how fast they come, how long commits take
`decisions`    what the system itself writes into the log
=============  =====================================================================================
"""

from eventlog.log import Append, Appended, Log, Record, Segment

__all__ = ["Append", "Appended", "Log", "Record", "Segment"]
