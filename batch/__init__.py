"""The batch layer: exact views over all history, and accurate models, published as generations.

Read `run` first: it is one batch run from the marker to the retention, stage by stage. Then, in the order of the data:

- `archive`: from the hot log to the lake
- `plan`: which views fold which slices of the log, and what of the last generation they build on
- `views`: slices to tables of tiles, these to the files of a generation
- `models`: slices to training rows, these to versions of models
- `generation`: the read side, the only part that the service loads (no Dask, no DuckDB, no Arrow)
- `generations`, `manifest`: which generations there are, and what is said of one; `publish_generation`: the step that
  makes one of what a run made; `take_over`: those of earlier releases
- `tidying`: what a run drops once it has published; `collection`: what of it goes from the store, since no generation
  that is kept names it
- `capacity`, `cluster`: in what pieces the work is done and by whom, the address of Dask
- `run_place`: what the places of a run are called
- `exchange`: what workers get of the store, and hand to each other through it
- `lease_keeper`, `run_progress`, `run_record`: that a run is the only one, how it shows itself, and its row
- `stream_watermarks`: the newest event time of every stream before the cut
- `duckdb_session`: DuckDB with bounded memory, and names and texts as its SQL
"""
