"""The serving layer: answers over HTTP with what batch and speed know together.

Read `answers.merged_answer` first: the merge of both parts, pure. `service` holds the collaborators, `api` puts all of
it together, `errors` are what may go wrong.

=============  =====================================================================================
room           what is here
=============  =====================================================================================
`answers`      views and the log, read at one cut
`models`       predictions, how they are recorded, how models do
`routes`       one HTTP noun a module
`http`         what every route stands on: bodies, answers, problems, keys
`metrics`      what Prometheus is told
`sql`          snapshots for analysts, and the statements of strangers
`dashboard`    the pages that people look at
=============  =====================================================================================
"""
