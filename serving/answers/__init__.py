"""Answers: reading views and the log, merged at one cut.

Read `view_reading` first: it takes batch and speed at one cut, and `merged_answer` merges and presents them.
`selection` is what a query string asks for, `staleness` what every answer says about how fresh it is, `waiting` how a
client reads its own writes. `batch_totals` keeps what the batch part of a total was merged to; `log_browsing` reads the
log page by page.
"""
