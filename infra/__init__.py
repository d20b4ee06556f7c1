"""The house's wiring: settings, the command line, and the one place where all parts are put together.

Read `composition` first (what is built from what), then `cli` (one function a command). `up` serves, through the room
`server`; `batch_command` runs a batch; `home` is the folder on disk; `scheduling` and `retraining` start runs by the
clock and after an alarm; `children` are processes that end with us; `published_layer` is a generation as the speed
layer asks for it; `fit_watch` asks whether the store fits the log.

Each of the other commands has a room: `importing`, `verify`, `status`, `analytics` (with ``anabranch sql``), `demo`.
What runs it elsewhere lies in ``compose.yaml``, ``kubernetes/``, ``prometheus/`` and ``grafana/``.
"""
