"""SQL for analysts: one snapshot of everything, read through three doors.

A *snapshot* is a DuckDB file that holds nothing but views, over Parquet files beside it, all at one cut of the log.
``HOME/analytics.duckdb`` is the newest that was published; ``POST /v1/sql`` and ``anabranch sql`` have one made that
has seen everything up to the moment they ask.

Read `relation` first (what a relation is), then `relations` (all of them), and the modules that define them:
`events_relation`, `view_relations`, `predictions_relation`, `system_relations`; what they read is `snapshot_contents`.

The rest runs in three kinds of process, so that DuckDB and Arrow stay out of the service:

==================  ================================================================================================
process             modules
==================  ================================================================================================
snapshot writer     `snapshots` puts a snapshot together: `tail` (events that are not archived yet), `overlay` (tiles
                    that speed has changed), `small_tables` (runs, models, dead letters), `known_features`,
                    `lake_files` and `published_tables` are its Parquet files, `catalog` its DuckDB file;
                    `snapshot_folder` says when files may go
query runner        `runner` is its loop; `statement` says what may run (`functions`, `relation_names`), `sandbox`
                    opens a snapshot, `landlock` has the kernel watch, `told_text` is what is told of errors and
                    plans, `result_rows` turns the result into bytes (`json_values`, `result_times`)
the service         `runner_pool` hands queries to runners; `child_process` talks to both kinds of process; `errors`
==================  ================================================================================================
"""
