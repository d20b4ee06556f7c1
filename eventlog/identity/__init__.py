"""Whether a log and what was made of it belong together, and bringing them together again.

Read `fit` first: what is held against the log, and when. `store_name` is the name by which a store knows its log;
`generations` what manifests say of the log; `record_digest` tells whether two records are the same. What does not fit
is a `eventlog.log.misfit.Misfit`, with which the log takes nothing. `plan` finds where a log and a lake part, and what
the lake gives back to the log; `rewriting` writes that, in one transaction.
"""
