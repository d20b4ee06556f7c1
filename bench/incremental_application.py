"""The application of the benchmark of incremental runs: one view of a million tiles, in no order of time."""

from datetime import datetime

from pydantic import BaseModel

from anabranch import App, agg

app = App("incremental")


class Sale(BaseModel):
    shop: int
    sold: datetime
    amount: float


sales = app.stream("sales", Sale, time="sold")
turnover = app.view(
    "turnover",
    of=sales,
    by="shop",
    tile="1d",
    sales=agg.count(),
    amount=agg.mean("amount"),
    least=agg.min("amount"),
    most=agg.max("amount"),
    total=agg.sum("amount"),
)
