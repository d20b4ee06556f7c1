"""The laws that every aggregate keeps.

`table` lists the aggregates, `checks` the laws: a new aggregate is one line in the table.
"""
