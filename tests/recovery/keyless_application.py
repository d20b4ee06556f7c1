"""An application whose events have no id, and some that have."""

import os

from pydantic import BaseModel

from anabranch import App, agg

app = App("keyless")
takes_numbers = "KEYLESS_TAKES_NUMBERS" in os.environ
"""Whether a later release of the application is meant, which takes more."""


class Visit(BaseModel):
    name: str | int if takes_numbers else str  # type: ignore[valid-type]


class Order(BaseModel):
    name: str


visits = app.stream("visits", Visit)
orders = app.stream("orders", Order, id="name")
names = app.view("names", of=visits, n=agg.count())
