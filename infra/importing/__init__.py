"""``anabranch import``: a file into a stream. `file_import` does it, `file_rows` reads CSV, NDJSON and Parquet."""
