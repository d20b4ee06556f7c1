"""``anabranch verify``: recomputes every view from the raw log by another road, and compares with what is served.

Read `verification` first: it has the two sides computed and compared.

- `stored` checks what both sides rest on: the database and the lake.
- `recount` is the other road: the raw log, by plain Python and SQL. It shares nothing with the layers but the reader
  of the log and the definitions.
- `served` is the one seam to what is judged.
- `comparison` walks both sides and has each aggregate judge its answers; `report` tells people.
"""
