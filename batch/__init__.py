"""The batch layer: exact views over all history, published as generations.

Read `run` first: it is one batch run from the marker to the retention, stage by stage. Then, in the order of the data:

- `plan`: which views fold which slices of the log, and what of the last generation they build on
- `slice_fold`: one slice of the log to one table of tiles a view, by `sql_fold` or `python_fold`
- `scan`: the exclusive prefix-merge over the slices; `merge`: tables of tiles into one
- `publish`: the files of a generation; `index_file` for point reads, `presentation` for analysts
- `generation`: the read side, the only part that the service loads (no Dask, no DuckDB, no Arrow)
- `cluster`: the only address of Dask
"""
