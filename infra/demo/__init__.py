"""``anabranch demo``: an example, end to end, through the commands and the API that everybody uses.

Read `demo` first, then `shows` (what each example shows). `stage` is the home and the processes that it plays with,
`traffic` posts events meanwhile; `view_display` and `model_display` print what people look at.
"""
