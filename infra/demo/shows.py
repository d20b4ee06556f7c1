"""What the demonstrations show: for each example its file, its data and how that becomes events, and what to ask."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from infra.demo.stage import ROOT
from infra.importing.file_rows import FileRows
from infra.importing.row_batches import FilePosition

EXAMPLES = ROOT / "examples"
_REQUEST_EVENTS = 50


@dataclass(frozen=True, slots=True)
class ShownRequest:
    """Events that are posted together."""

    stream: str
    lines: list[bytes]


@dataclass(frozen=True, slots=True)
class ViewShown:
    """A view, as a demonstration shows it.

    Attributes
    ----------
    name
        Of the view.
    title, last
        What the table is called, and how far back it looks.
    columns
        By heading, an aggregate; the rows are ordered by the first.
    counted
        The aggregate that shows how batch and speed add up.
    """

    name: str
    title: str
    last: str
    columns: Mapping[str, str]
    counted: str


@dataclass(frozen=True, slots=True)
class Show:
    """One demonstration.

    Attributes
    ----------
    application, data
        The files, in ``examples/``.
    requests
        The rows of the data as requests, in the order of the log.
    history
        Which part of the requests is history when the service is opened to traffic.
    imported
        The stream into which the history is imported; None: it is posted like everything else, because an import
        brings one stream after the other, and the order of events in the log is what models learn from.
    runs
        At which parts of the live traffic a batch run begins; none: drift alarms start them.
    events_per_second
        How fast the live traffic is.
    rows
        How many rows of the data are used, from the beginning; None: all.
    view
        The view that is shown.
    model, question
        The model, and what it is asked in the end.
    """

    application: str
    data: str
    requests: Callable[[Sequence[bytes]], list[ShownRequest]]
    history: float
    imported: str | None
    runs: tuple[float, ...]
    events_per_second: int
    rows: int | None
    view: ViewShown
    model: str
    question: Mapping[str, Any]

    @property
    def application_path(self) -> Path:
        return EXAMPLES / self.application

    @property
    def runs_said(self) -> str:
        """The batch runs beside the live traffic, in words."""
        return f"{len(self.runs)} more batch runs in the middle of it" if self.runs else "a batch run on drift alarms"

    @property
    def data_path(self) -> Path:
        return EXAMPLES / "data" / self.data

    def posted(self) -> list[ShownRequest]:
        """All requests."""
        lines = [row for batch in FileRows.of(self.data_path).batches(FilePosition()) for row in batch.rows]
        return self.requests(lines[: self.rows])


def in_order(stream: str) -> Callable[[Sequence[bytes]], list[ShownRequest]]:
    """Every row is an event of one stream."""

    def requests(rows: Sequence[bytes]) -> list[ShownRequest]:
        return [
            ShownRequest(stream, list(rows[first : first + _REQUEST_EVENTS]))
            for first in range(0, len(rows), _REQUEST_EVENTS)
        ]

    return requests


_FLIGHTS_TOGETHER = timedelta(minutes=30)


def flights(rows: Sequence[bytes]) -> list[ShownRequest]:
    """A row is a departure and, when it has landed, an arrival, each at its time.

    The airports report every half hour: first what was to leave, then what has landed. So no flight knows of one
    that landed after it was to leave.
    """
    events = sorted(_departures_and_arrivals(rows), key=lambda event: event[0])
    found: dict[tuple[int, str], list[bytes]] = {}
    for at, stream, line in events:
        found.setdefault((int(at.timestamp() // _FLIGHTS_TOGETHER.total_seconds()), stream), []).append(line)
    order = sorted(found, key=lambda place: (place[0], place[1] == "arrivals"))
    return [ShownRequest(stream, found[number, stream]) for number, stream in order]


def _departures_and_arrivals(rows: Sequence[bytes]) -> Iterator[tuple[datetime, str, bytes]]:
    for text in rows:
        row = orjson.loads(text)
        landed, delay = row.pop("landed", None), row.pop("delay", None)
        yield datetime.fromisoformat(row["scheduled"]), "departures", orjson.dumps(row)
        if delay is not None:
            arrival = {name: row[name] for name in _OF_ARRIVAL if name in row}
            line = orjson.dumps({**arrival, "landed": landed, "delay": delay})
            yield datetime.fromisoformat(landed), "arrivals", line


_OF_ARRIVAL = ("flight_id", "carrier", "tailnum", "origin", "dest")

SHOWS: dict[str, Show] = {
    "bikes": Show(
        application="bikes.py",
        data="bikes.parquet",
        requests=in_order("rentals"),
        history=0.4,
        imported="rentals",
        runs=(0.2, 0.6),
        events_per_second=2_500,
        rows=48_000,
        view=ViewShown(
            "usage",
            "busiest in the last 24 h",
            "24h",
            {"rentals": "rentals", "mean minutes": "minutes", "90 % within": "p90", "riders": "riders"},
            "rentals",
        ),
        model="duration",
        question={"station": "Market at 4th", "rider": "Customer", "started": "2014-06-19T22:30:00Z"},
    ),
    "flights": Show(
        application="flights.py",
        data="flights.parquet",
        requests=flights,
        history=0.4,
        imported=None,
        runs=(0.2, 0.6),
        events_per_second=2_500,
        rows=32_000,
        view=ViewShown(
            "carriers",
            "landed in the last 24 h",
            "24h",
            {"flights": "flights", "mean delay": "delay", "90 % within": "p90"},
            "flights",
        ),
        model="delay",
        question={
            "flight_id": 1,
            "carrier": "B6",
            "tailnum": "N640JB",
            "origin": "JFK",
            "dest": "BOS",
            "distance": 187,
            "scheduled": "2013-09-03T20:30:00Z",
            "local_minute": 990,
            "wind": 9.2,
            "rain": 0.0,
            "visibility": 10.0,
        },
    ),
    "votes": Show(
        application="votes.py",
        data="votes.parquet",
        requests=in_order("votes"),
        history=0.5,
        imported="votes",
        runs=(),
        events_per_second=1_000,
        rows=36_000,
        view=ViewShown(
            "countries",
            "votes in the last two years",
            "730d",
            {"votes": "votes", "yes": "yes", "roll calls": "calls"},
            "votes",
        ),
        model="yes",
        question={"country": "Poland", "roll_call": 9999, "issues": "nu", "cast_at": "1996-01-15T12:00:00Z"},
    ),
}
"""The demonstrations by name, the default first."""
