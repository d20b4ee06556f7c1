"""What Prometheus is told: `request_metrics` as requests come; `state_metrics`, `model_metrics` and `batch_metrics` at
the moment of a scrape.
"""
