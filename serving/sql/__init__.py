"""SQL for analysts: one snapshot of everything, read through three doors.

A *snapshot* is a DuckDB file that holds nothing but views, over Parquet files beside it, all at one cut of the log.
``HOME/analytics.duckdb`` is the newest that was published; ``POST /v1/sql`` and ``anabranch sql`` have one made that
has seen everything up to the moment they ask.

Read `relations` first (what analysts see), then `snapshots` (how it is put together), then `sandbox` (who may ask
what). These are rooms of their own because they run in processes of their own, so that DuckDB and Arrow stay out of the
service:

==================  ================================================================================================
process             modules
==================  ================================================================================================
snapshot writer     `relations` and `snapshots`
query runner        `sandbox`
the service         `runner_pool` hands queries to runners; `child_process` talks to both kinds of process; `errors`
==================  ================================================================================================
"""
