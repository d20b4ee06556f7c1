"""What comes in: from the body of a request to valid events in the form in which they are stored.

Read `door` first: it is what the routes and the import call. `bodies` (with `cloudevents` and `arrow_bodies`) takes a
request apart into `parsed_events`; `validation` looks at each event by itself, with `event_checks` for what a model
cannot say, and `stored_form` for what cannot be stored as it was sent.
"""
