"""weblog.py: what a web site's access log tells: top pages, visitors, errors, sizes.

Try it:

    anabranch up examples/weblog.py
    anabranch import examples/data/weblog.parquet --stream requests examples/weblog.py
    curl 'http://127.0.0.1:8000/v1/views/traffic?last=24h'
    curl 'http://127.0.0.1:8000/v1/views/pages?group=total'
"""

from datetime import datetime

from pydantic import BaseModel, Field

from anabranch import App, agg

app = App("weblog")


class Request(BaseModel):
    """Sent when a request was answered."""

    visitor: int
    time: datetime
    method: str
    path: str
    status: int = Field(ge=100, le=599)
    bytes: int | None = None
    referrer: str | None = None


requests = app.stream("requests", Request, key="visitor", time="time")

traffic = app.view(
    "traffic",
    of=requests,
    tile="1h",
    requests=agg.count(),
    visitors=agg.distinct("visitor"),
    missing=agg.count(where=lambda request: request.status == 404),
    failed=agg.count(where=lambda request: request.status >= 500),
    median_bytes=agg.quantile("bytes", 0.5),
    p99_bytes=agg.quantile("bytes", 0.99),
    error_bytes_p90=agg.quantile("bytes", 0.9, where=lambda request: request.status >= 400),
)

pages = app.view(
    "pages",
    of=requests,
    tile="1d",
    where=lambda request: request.status == 200,
    pages=agg.top("path", 20),
    referrers=agg.top("referrer", 5),
)

errors = app.view(
    "errors",
    of=requests,
    by="status",
    where=lambda request: request.status >= 400,
    requests=agg.count(),
    paths=agg.top("path", 5),
    newest=agg.last("path"),
)
