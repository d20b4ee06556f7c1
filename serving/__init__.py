"""The serving layer: answers over HTTP with what batch and speed know together.

Read `answer` first: the merge of both parts, pure. `reading` takes them at one cut; `query` reads what was asked.
`predicting` answers for models, `models` tells how they stand, `recorder` keeps what they answered. `routes` has one
HTTP noun a module; `problems` is the one table from errors to HTTP; `api` puts it all together from the collaborators
in `service`.
"""
