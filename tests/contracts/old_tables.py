"""The tables as releases made them before databases had a version, as SQL; nothing here is ever changed."""

from __future__ import annotations

SQLITE = (
    'CREATE TABLE IF NOT EXISTS batch_runs (id TEXT NOT NULL, status TEXT NOT NULL, "full" BOOLEAN '
    "NOT NULL, pid INTEGER, started BIGINT NOT NULL, finished BIGINT, cut TEXT, generation INTEGER, "
    "stage TEXT, stages TEXT NOT NULL, events BIGINT, error TEXT, PRIMARY KEY (id))",
    "CREATE TABLE IF NOT EXISTS dead_letters (id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, stream "
    "TEXT NOT NULL, body BLOB NOT NULL, errors TEXT NOT NULL, received BIGINT NOT NULL, retried "
    "BIGINT)",
    "CREATE INDEX IF NOT EXISTS ix_dead_letters_stream ON dead_letters (stream)",
    "CREATE TABLE IF NOT EXISTS heads (partition INTEGER NOT NULL, first BIGINT NOT NULL, next "
    "BIGINT NOT NULL, PRIMARY KEY (partition))",
    'CREATE TABLE IF NOT EXISTS ids (stream TEXT NOT NULL, id TEXT NOT NULL, "offset" BIGINT NOT '
    "NULL, PRIMARY KEY (stream, id)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS leases (name TEXT NOT NULL, token BIGINT NOT NULL, holder TEXT, "
    "expires BIGINT NOT NULL, PRIMARY KEY (name))",
    "CREATE TABLE IF NOT EXISTS schemas (stream TEXT NOT NULL, schema TEXT NOT NULL, registered "
    "BIGINT NOT NULL, PRIMARY KEY (stream))",
    'CREATE TABLE IF NOT EXISTS segments (partition INTEGER NOT NULL, "offset" BIGINT NOT NULL, '
    "count INTEGER NOT NULL, stream TEXT NOT NULL, appended BIGINT NOT NULL, times BLOB NOT NULL, "
    'heads BLOB NOT NULL, data BLOB NOT NULL, PRIMARY KEY (partition, "offset"))',
)
POSTGRESQL = (
    'CREATE TABLE IF NOT EXISTS batch_runs (id TEXT NOT NULL, status TEXT NOT NULL, "full" BOOLEAN '
    "NOT NULL, pid INTEGER, started BIGINT NOT NULL, finished BIGINT, cut TEXT, generation INTEGER, "
    "stage TEXT, stages TEXT NOT NULL, events BIGINT, error TEXT, PRIMARY KEY (id))",
    "CREATE TABLE IF NOT EXISTS dead_letters (id BIGSERIAL NOT NULL, stream TEXT NOT NULL, body "
    "BYTEA NOT NULL, errors TEXT NOT NULL, received BIGINT NOT NULL, retried BIGINT, PRIMARY KEY "
    "(id))",
    "CREATE INDEX IF NOT EXISTS ix_dead_letters_stream ON dead_letters (stream)",
    "CREATE TABLE IF NOT EXISTS heads (partition INTEGER NOT NULL, first BIGINT NOT NULL, next "
    "BIGINT NOT NULL, PRIMARY KEY (partition))",
    'CREATE TABLE IF NOT EXISTS ids (stream TEXT NOT NULL, id TEXT NOT NULL, "offset" BIGINT NOT '
    "NULL, PRIMARY KEY (stream, id))",
    "CREATE TABLE IF NOT EXISTS leases (name TEXT NOT NULL, token BIGINT NOT NULL, holder TEXT, "
    "expires BIGINT NOT NULL, PRIMARY KEY (name))",
    "CREATE TABLE IF NOT EXISTS schemas (stream TEXT NOT NULL, schema TEXT NOT NULL, registered "
    "BIGINT NOT NULL, PRIMARY KEY (stream))",
    'CREATE TABLE IF NOT EXISTS segments (partition INTEGER NOT NULL, "offset" BIGINT NOT NULL, '
    "count INTEGER NOT NULL, stream TEXT NOT NULL, appended BIGINT NOT NULL, times BYTEA NOT NULL, "
    'heads BYTEA NOT NULL, data BYTEA NOT NULL, PRIMARY KEY (partition, "offset"))',
)
