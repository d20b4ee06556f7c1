"""The house's wiring: settings, the command line, and the one place where all parts are put together.

Read `process` first (what is built from what), then `cli` (one function a command). `up` serves, `batching` runs a
batch, `importing` loads files, `verifying` proves the answers, `demo` shows all of it, `status` says how things stand.
"""
