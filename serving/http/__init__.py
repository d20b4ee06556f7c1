"""HTTP itself: what every route stands on, whatever it answers.

From the outside in: `request_ids`, `auth` (with `session`) and `content_coding`; then `posting` (a body to durable
events; `request_memory` bounds what all of them take), `responses` (JSON, quickly) and `problems` (errors as RFC 9457).
`lean_routes` and `head_requests` are how routes are added, `openapi` has the words of their description, `log_lines`
those of the log.
"""
