"""What serves analysts: `analytics` keeps ``HOME/analytics.duckdb`` fresh inside ``up`` by a process of its own
(`snapshot_writer`); `sql_command` is ``anabranch sql``.
"""
