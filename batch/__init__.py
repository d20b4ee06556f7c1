"""The batch layer: exact views over all history, published as generations.

Read `run` first: it is one batch run from the marker to the retention, stage by stage. Then, in the order of the data:

- `plan`: which views fold which slices of the log, and what of the last generation they build on
- `slice_fold`: one slice of the log to one table of tiles a view, by `sql_fold` or `python_fold`
- `scan`: the exclusive prefix-merge over the slices; `merge`: tables of tiles into one
- `publish`: the files of a generation; `index_file` (with `tile_block`) for point reads, `presentation` for analysts
- `generation`: the read side, the only part that the service loads (no Dask, no DuckDB, no Arrow), with `predictor`
- `cluster`: who does the tasks, an address of Dask

Where the application has models, `models` has two more stages:

- `replay`: spans of the log to training rows, each from the exact views at its beginning (`prefix`); `row_file` is
  their form on disk, `model_rows` what is kept of them from run to run; `skew` compares them with what speed froze
- `training`: candidates, gate and winner, out of a `training_table` (where labels that arrive later are joined);
  `train` is what a worker does of it, `estimator` fits anything (`distributed_fit`: on all workers together),
  `encoding` and `matrix` turn features into numbers, `loss` compares, `champions` reads in the log who there is to
  beat, `model_files` carries versions from generation to generation
"""
