"""Views in a batch run: from slices of the log to the files of a generation.

- `slice_fold`: one slice of the log to one table of tiles a view (`tile_table`), by `sql_fold` or `python_fold`
- `prefix_scan`: the exclusive prefix-merge over the slices; `merge`: tables of tiles into one
- `view_merge`, `publish`: the files of a view

What others read: `published_table` (with `presentation`), and `index_file` (with `tile_block`) by way of `reader_pool`.
"""
