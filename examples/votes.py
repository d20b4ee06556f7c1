"""votes.py: will this country vote yes? The world changes in between: real concept drift.

Try it:

    anabranch demo --example votes

Seventeen countries in the General Assembly of the United Nations, 1974 to 2000. Most of them voted as Moscow did for
as long as anybody could remember. Whoever learnt that from fifteen years of history was right until the end of 1989.
"""

from datetime import datetime
from typing import Any

from lightgbm import LGBMClassifier
from pydantic import BaseModel
from river import linear_model, optim, preprocessing

from anabranch import App, agg

app = App("votes")


class Vote(BaseModel):
    """One country in one roll call. No and abstention are no yes."""

    vote_id: str
    roll_call: int
    country: str
    issues: str | None = None
    important: bool = False
    cast_at: datetime
    yes: bool


votes = app.stream("votes", Vote, id="vote_id", key="country", time="cast_at")

countries = app.view(
    "countries",
    of=votes,
    by="country",
    tile="30d",
    votes=agg.count(),
    yes=agg.mean("yes"),
    calls=agg.distinct("roll_call"),
)
habits = app.view("habits", of=votes, by=("country", "issues"), tile="30d", keep="3650d", yes=agg.mean("yes"))
roll_calls = app.view(
    "roll_calls", of=votes, by="roll_call", tile="1d", keep="30d", votes=agg.count(), yes=agg.mean("yes")
)
ballots = app.view("ballots", of=votes, by=("roll_call", "country"), tile="1d", keep="30d", yes=agg.mean("yes"))


@app.model(
    "yes",
    on=votes,
    label="yes",
    task="binary",
    batch=lambda: LGBMClassifier(n_estimators=200, min_child_samples=50, num_leaves=15),
    speed=lambda: preprocessing.StandardScaler() | linear_model.LogisticRegression(optim.SGD(0.02), intercept_lr=0.02),
    retrain_on_drift=True,
    cooldown="3s",  # decades pass in a minute here; in life a day is more like it
)
def yes(vote: Vote, views: Any) -> dict[str, float | str | bool | None]:
    """How the roll call stands so far, how the powers voted, and what this country used to do."""
    so_far = views.roll_calls(roll_call=vote.roll_call)
    return {
        "country": vote.country,
        "issues": vote.issues,
        "important": vote.important,
        "votes_so_far": so_far.votes,
        "yes_so_far": so_far.yes,
        "moscow": views.ballots(roll_call=vote.roll_call, country="Russia").yes,
        "washington": views.ballots(roll_call=vote.roll_call, country="United States").yes,
        "habit": views.habits(country=vote.country, issues=vote.issues, last="730d").yes,
    }
