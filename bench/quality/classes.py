"""The streams whose target is a class."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.compute
import pyarrow.parquet

from bench.quality.example import Features
from bench.quality.recent import HOUR, Ever, Recent
from bench.quality.stream import Row, Stream


class Delayed(Stream):
    file = "airline_2001"
    target = "is the flight late? Known four hours after departure (the file has no arrival times)"
    task = "binary"
    origins = ("BOS", "SEA")

    def __init__(self) -> None:
        self.lately = {hours: Recent(hours * HOUR) for hours in (3, 24)}
        self.route = Ever()

    def rows(self, data: Path) -> Iterator[Row]:
        """All departures from two airports in six months, so that what an airport did lately is complete."""
        table = pyarrow.parquet.read_table(data / f"{self.file}.parquet")
        some = table.filter(pyarrow.compute.is_in(table["origin"], pyarrow.array(self.origins)))
        for batch in some.slice(self.first, self.last).to_batches(10_000):
            yield from batch.to_pylist()

    def label(self, row: Row) -> bool:
        return bool(row["delayed"])

    def known(self, row: Row, time: float) -> float:
        return time + 4 * HOUR

    def features(self, row: Row, time: float) -> Features:
        return {
            "origin": row["origin"],
            "dest": row["dest"],
            "distance": row["distance"],
            "minute": row["dep_minute_local"],
            "hour": str(row["dep_minute_local"] // 60),
            "weekday": str(row["dow_local"]),
            "origin_3h": self.lately[3].mean(row["origin"], time),
            "origin_24h": self.lately[24].mean(row["origin"], time),
            "dest_24h": self.lately[24].mean(row["dest"], time),
            "route_usual": self.route.mean((row["origin"], row["dest"])),
        }

    def learn(self, row: Row, time: float, label: Any) -> None:
        for recent in self.lately.values():
            recent.add(row["origin"], time, float(label))
        self.lately[24].add(row["dest"], time, float(label))
        self.route.add((row["origin"], row["dest"]), float(label))


class Http(Stream):
    file = "kdd_http"
    target = "is the connection an attack?"
    task = "binary"
    last = 400_000

    def __init__(self) -> None:
        self.recent = Recent(100)

    def label(self, row: Row) -> bool:
        return bool(row["attack"])

    def features(self, row: Row, time: float) -> Features:
        asked = {name: row[name] for name in ("log_duration", "log_src_bytes", "log_dst_bytes")}
        return asked | {"attacks_lately": self.recent.mean(0, time) or 0.0}

    def learn(self, row: Row, time: float, label: Any) -> None:
        self.recent.add(0, time, float(label))


class Votes(Stream):
    file = "un_votes"
    target = "how a country votes: no, abstain or yes"
    task = "multiclass"
    last = 150_000

    def __init__(self) -> None:
        self.roll_call = Ever()
        self.country = Recent(365 * 24 * HOUR)
        self.with_most = Recent(365 * 24 * HOUR)

    def label(self, row: Row) -> int:
        return int(row["rating"])

    def features(self, row: Row, time: float) -> Features:
        item, user = row["item_id"], row["user_id"]
        return {
            "country": row["country"],
            "votes_so_far": min(20, self.roll_call.count((item, 3))),
            "yes_so_far": self.roll_call.mean((item, 3)),
            "no_so_far": self.roll_call.mean((item, 1)),
            "country_yes": self.country.mean((user, 3), time),
            "country_no": self.country.mean((user, 1), time),
            "country_with_most": self.with_most.mean(user, time),
        }

    def learn(self, row: Row, time: float, label: Any) -> None:
        item, user = row["item_id"], row["user_id"]
        yes = self.roll_call.mean((item, 3))
        if yes is not None:
            self.with_most.add(user, time, float((yes > 0.5) == (label == 3)))
        for rating in (1, 3):
            self.roll_call.add((item, rating), float(label == rating))
            self.country.add((user, rating), time, float(label == rating))


class Clicks(Stream):
    file = "eshop_clicks"
    target = "category of the next page that a session opens"
    task = "multiclass"
    last = 170_000

    def __init__(self) -> None:
        self.session: dict[int, list[int]] = {}
        self.page: dict[int, int] = {}
        self.lately = Recent(24 * HOUR)

    def label(self, row: Row) -> int:
        return int(row["category"])

    def features(self, row: Row, time: float) -> Features:
        before = self.session.get(row["user_id"], [])
        return {
            "country": str(row["country"]),
            "hour": row["ts"].hour,
            "clicks": min(30, len(before)),
            "last": str(before[-1]) if before else "none",
            "last_but_one": str(before[-2]) if len(before) > 1 else "none",
            "page": self.page.get(row["user_id"], 0),
            "same": sum(category == before[-1] for category in before) / len(before) if before else 0.0,
            **{f"lately_{category}": self.lately.mean(category, time) for category in (1, 2, 3)},
        }

    def learn(self, row: Row, time: float, label: Any) -> None:
        self.session.setdefault(row["user_id"], []).append(label)
        self.page[row["user_id"]] = row["page"]
        for category in (1, 2, 3):
            self.lately.add(category, time, float(label == category))
