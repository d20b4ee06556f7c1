"""Snapshots: everything that analysts see, at one cut of the log, written as files.

Read `snapshots` first, which puts one together. Its Parquet files are `tail` (events that are not archived yet),
`overlay` (tiles that speed has changed), `small_tables` (runs, models, dead letters), `lake_files` and
`published_tables`; its DuckDB file is `catalog`'s. `snapshot_folder` says when files may go.
"""
