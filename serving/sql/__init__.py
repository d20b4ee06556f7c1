"""SQL for analysts: one snapshot of everything, read through three doors.

A *snapshot* is a DuckDB file that holds nothing but views, over Parquet files beside it, all at one cut of the log.
``HOME/analytics.duckdb`` is the newest that was published; ``POST /v1/sql`` and ``anabranch sql`` have one made that
has seen everything up to the moment they ask.

Read `relation` first, then `contents`, and the relations themselves: `of_events`, `of_views`, `of_predictions`,
`of_system`. In the process that writes snapshots, `replica` folds the log, `tail`, `overlay`, `links` and `tables`
write the files, `catalog` the DuckDB file, and `snapshots` puts them together. In the process that runs a query,
`statement` says what may run, `sandbox` opens a snapshot, `landlock` has the kernel watch, `rows` turns the result
into bytes, `runner` is the loop. In the service there is only `desk`, which hands queries to runners.
Nothing here is imported by the service but `desk`, `errors` and `child`: DuckDB and Arrow stay out of its process.
"""
