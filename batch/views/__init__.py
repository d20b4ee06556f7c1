"""Views in a batch run: from slices of the log to the files of a generation.

- `slice_fold`: one slice of the log to one table of tiles a view (`tile_table`), by `sql_fold` or `python_fold`
- `scan`: the exclusive prefix-merge over the slices; `merge`: tables of tiles into one
- `view_merge`, `publish`: the files of a view; `index_file` (with `tile_block`) for point reads, `presentation` for
  analysts
"""
