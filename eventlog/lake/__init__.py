"""The lake: the permanent master data set, one Delta Lake table a stream.

Read `lake` first. `delta_table`, `columns` and `typed_columns` know the format; they load Delta Lake and Arrow, so
`lake` imports them when there is a table to look at.
"""

from eventlog.lake.lake import Lake

__all__ = ["Lake"]
