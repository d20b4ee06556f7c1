"""Batch runs, as the benchmarks start them."""

from __future__ import annotations

import http.client
import json
import time

from bench.server import get


def run_over_http(port: int) -> None:
    """Start a batch run by HTTP and return when its generation is served."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("POST", "/v1/batch/runs", body=b"{}", headers={"Content-Type": "application/json"})
    answer = json.loads(connection.getresponse().read())
    connection.close()
    while True:
        run = json.loads(get(port, f"/v1/batch/runs/{answer['run']}")[1])
        if run["status"] in ("failed", "abandoned"):
            raise RuntimeError(f"the batch run failed: {run}")
        served = json.loads(get(port, "/v1/views/usage?limit=1")[1])["generation"]
        if run["status"] == "published" and served == run["generation"]:
            return
        time.sleep(0.05)
