"""An application whose keys and values are beyond 2^53, where JavaScript's numbers have gaps."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from anabranch import App, agg

app = App("large")


class Payment(BaseModel):
    account: int
    cents: int


payments = app.stream("payments", Payment)
balances = app.view("balances", of=payments, by="account", cents=agg.sum("cents"), payments=agg.count())


def _trees() -> Any:
    from lightgbm import LGBMRegressor

    return LGBMRegressor(n_estimators=5, verbose=-1)


def _line() -> Any:
    from river import linear_model

    return linear_model.LinearRegression()


@app.model("next", on=payments, label="cents", task="regression", batch=_trees, speed=_line)
def next_payment(payment: Any, views: Any) -> dict[str, Any]:
    return {"account": str(payment.account)}
