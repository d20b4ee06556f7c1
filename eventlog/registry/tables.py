"""Every table of the database, on one screen.

Times are microseconds since 1970. The hot log has one row a segment, not one a record: that is three times faster to
write and to read.

A change here is half of one: databases that are there already need a step in `eventlog.registry.migrations`.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, MetaData, String, Table, Text, text

from anabranch import SYSTEM

metadata = MetaData()
_Serial = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows by itself only in an INTEGER column

schema_version = Table(  # one row: see `schema_version`; the name and the form are Alembic's
    "alembic_version",
    metadata,
    Column("version_num", String(32), primary_key=True),
)

heads = Table(  # one row a partition: the lock that puts writers in order
    "heads",
    metadata,
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("first", BigInteger, nullable=False),  # the first offset that is still hot
    Column("next", BigInteger, nullable=False),  # the offset of the next record
)

segments = Table(
    "segments",
    metadata,
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("offset", BigInteger, primary_key=True, autoincrement=False),  # of the first record
    Column("count", Integer, nullable=False),
    Column("stream", Text, nullable=False),
    Column("appended", BigInteger, nullable=False),
    Column("times", LargeBinary, nullable=False),  # int64, little endian
    Column("heads", LargeBinary, nullable=False),  # JSON [[ids], [keys]]
    Column("data", LargeBinary, nullable=False),  # JSON array, one event a line
    Column("checksum", BigInteger),  # CRC-32 of all of these; NULL: an earlier release wrote the row
)

Index(  # decisions are few, and are looked for without the events between them
    "segments_of_system",
    segments.c.partition,
    segments.c.offset,
    sqlite_where=text(f"stream = '{SYSTEM}'"),
    postgresql_where=text(f"stream = '{SYSTEM}'"),
)

ids = Table(  # finds duplicates
    "ids",
    metadata,
    Column("stream", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("offset", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

retractions = Table(  # an index of the decisions that take an event out
    "retractions",
    metadata,
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("offset", BigInteger, primary_key=True, autoincrement=False),  # of the event
    Column("stream", Text, nullable=False),
    Column("decided", BigInteger, nullable=False),  # the offset of the decision
)

log_identity = Table(  # one row, made with the log: what was derived from it names it
    "log_identity",
    metadata,
    Column("id", Text, primary_key=True),
    Column("created", BigInteger, nullable=False),
    Column("store", Text),  # the id of the store that it is archived in; NULL: in none yet
)

commits = Table(  # one row a writer, its newest: by which one whose connection broke asks whether it is in the log
    "commits",
    metadata,
    Column("writer", Text, primary_key=True),
    Column("number", BigInteger, nullable=False),  # which of its commits
    Column("offset", BigInteger, nullable=False),  # the end of the log after it
    sqlite_with_rowid=False,
)

idempotent_requests = Table(  # what was answered to requests that carried an Idempotency-Key
    "idempotent_requests",
    metadata,
    Column("key", Text, primary_key=True),
    Column("request", Text, nullable=False),  # the sha256 of what was asked
    Column("answer", LargeBinary, nullable=False),  # as whoever asked wants it
    Column("offset", BigInteger, nullable=False),  # the end of the log after it
    Index("idempotent_requests_by_offset", "offset"),
)

replicas = Table(  # who folds the log, and what each needs to go on from what it has kept
    "replicas",
    metadata,
    Column("id", Text, primary_key=True),
    Column("holder", Text, nullable=False),  # the process: see `lease_holder`
    Column("cut", BigInteger, nullable=False),  # of the oldest checkpoint that it may go on from
    Column("generation", Integer),  # which that one has adopted; NULL: none
    Column("updated", BigInteger, nullable=False),
)

condemned_blobs = Table(  # what a batch run decided to remove from the store: its name is never given again
    "condemned_blobs",
    metadata,
    Column("name", Text, primary_key=True),
    Column("condemned", BigInteger, nullable=False),
)

leases = Table(
    "leases",
    metadata,
    Column("name", Text, primary_key=True),
    Column("token", BigInteger, nullable=False),  # grows with every acquisition
    Column("holder", Text),  # NULL: free
    Column("expires", BigInteger, nullable=False),
)

batch_runs = Table(
    "batch_runs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("status", Text, nullable=False),  # running, published, failed, abandoned
    Column("full", Boolean, nullable=False),
    Column("pid", Integer),
    Column("started", BigInteger, nullable=False),
    Column("finished", BigInteger),
    Column("cut", Text),
    Column("generation", Integer),
    Column("stage", Text),
    Column("stages", Text, nullable=False),  # JSON array
    Column("events", BigInteger),
    Column("error", Text),
    Column("report", Text, nullable=False, server_default="{}"),  # JSON object, by model
    Column("problems", Text, nullable=False, server_default="[]"),  # JSON array of sentences
)

schemas = Table(
    "schemas",
    metadata,
    Column("stream", Text, primary_key=True),
    Column("schema", Text, nullable=False),  # JSON
    Column("registered", BigInteger, nullable=False),
)

dead_letters = Table(  # one row for identical events of a stream that were refused for the same reasons
    "dead_letters",
    metadata,
    Column("id", _Serial, primary_key=True),
    Column("stream", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),  # as sent
    Column("errors", Text, nullable=False),  # JSON; of the newest of them
    Column("received", BigInteger, nullable=False),  # the first of them
    Column("retried", BigInteger),  # when a retry of all was accepted
    Column("count", BigInteger, nullable=False, server_default="1"),  # how many they are
    Column("last", BigInteger, nullable=False, server_default="0"),  # when the newest of them was received
    Column("bytes", BigInteger, nullable=False, server_default="0"),  # of body and errors
    Column("digest", LargeBinary),  # of body and reasons; NULL: kept before there were digests
    Index("dead_letters_by_age", "stream", "last", "id"),  # which go first
    Index("dead_letters_by_id", "stream", "id"),
    Index("dead_letters_by_digest", "stream", "digest"),
    sqlite_autoincrement=True,  # an id is never given twice
)

dead_letter_totals = Table(  # one row a stream, kept by whoever changes its dead letters, in the same transaction
    "dead_letter_totals",
    metadata,
    Column("stream", Text, primary_key=True),
    Column("letters", BigInteger, nullable=False),  # rows
    Column("bytes", BigInteger, nullable=False),
    Column("waiting", BigInteger, nullable=False),  # events that wait for a retry
    Column("dropped", BigInteger, nullable=False),  # events that waited, and had to make room
    Column("added", BigInteger, nullable=False),  # events that ever came
)
