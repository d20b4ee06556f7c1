"""``anabranch import``: a file into a stream, taken whole or told row by row.

Read `file_import` first: a file on its way into a stream. `file_rows` reads a file of any kind from any place on:
`csv_rows` and `parquet_rows` know the formats, `text_lines` the lines of a text file, `row_batches` how rows travel.
"""
