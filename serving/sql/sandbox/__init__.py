"""The process that runs statements of strangers, and its walls.

Read `sandbox` first (a snapshot, open; it lists the walls), then `statement` (what may run: `functions`,
`relation_names`). `runner` is the process, `landlock` has the kernel watch it, `told_text` is what is told of errors
and plans, and `result_rows` turns a result into bytes (`json_values`, `result_times`).
"""
