"""``anabranch verify``: recomputes every view from the raw log by another road, and compares with what is served.

Read `verification` first. `recount` is the other road, `reference_values` what the raw log says of one aggregate.
"""
