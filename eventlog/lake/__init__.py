"""The lake: the permanent master data set, one Delta Lake table a stream.

Read `lake` first. `table_reader` and `delta_table` (which writes), `data_file`, `columns` and `typed_columns` know the
format; they load Delta Lake and Arrow, so `lake` imports them when there is a table to look at.

`file_name` and `commits` look at a table from outside. `file_checks` has every file checked before it is read,
`wholeness` every offset accounted for; `mending` brings back what is lacking; `compaction` merges small files.
"""

from eventlog.lake.lake import Lake

__all__ = ["Lake"]
