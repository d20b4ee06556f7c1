"""What analysts see: relations, each a view of a snapshot with a comment on every column.

Read `relation` first, then `relations` (all of an application), and the modules that define them: `events_relation`,
`view_relations`, `predictions_relation` (with `known_features`), `system_relations`. What they read is
`snapshot_contents`, as plain data; `stored_value` is a field in an event as it is stored.
"""
