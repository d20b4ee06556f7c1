"""``anabranch status``: `status` gathers, `metric_figures` reads a service's metrics, `status_table` shows."""
