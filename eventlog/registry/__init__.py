"""The registry: what is remembered beside the log, in the same database.

Read `tables` first: all tables on one screen. `database` is SQLite or PostgreSQL behind the same two ways to use it;
`leases` say who may do what only one may do (`lease_holder` names the process), `runs` what batch runs did, `schemas`
what stored events look like, `dead_letters` which events were refused (`letter_keeping`: which of them are kept).
`schema_version` brings the tables of an earlier
release up to date with the steps of `migrations`; `unavailability` says which errors mean "not now".
"""
