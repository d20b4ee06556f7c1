"""Benchmarks: every figure beside what the bare library or the disk can do, measured in the same run.

``make bench`` runs all of them; ``python -m bench fold ingest`` some. Each module has one `run` that returns
`Figure` rows; `report` prints them. `application` is what they run, `server` starts a real process, `load` is the
client.
"""
