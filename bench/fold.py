"""The fold of one view with four exact aggregates, from stored records: reading and decoding included, one core."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

from anabranch import Cut, Events, load_app
from anabranch.view import Tiles
from bench.data import appends
from bench.report import Figure, at_least
from eventlog.log.sql_log import SqlLog
from eventlog.registry.database import Database

EVENTS = 200_000
ROUNDS = 5


def run(home: Path) -> list[Figure]:
    app = load_app(str(Path(__file__).with_name("fold_application.py")))
    log = SqlLog(Database(f"sqlite:///{home}/log.db"), None)
    for append in appends(EVENTS):
        log.append(append)
    rates = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        cut, tiles = Cut(), Tiles()
        while segments := log.read(cut):
            for segment in segments:
                events = Events(app.streams["trips"], 0, segment.offset, segment.times, segment.data)
                app.views["usage"].fold(tiles, events)
            cut = Cut((segments[-1].end,))
        rates.append(EVENTS / (time.perf_counter() - begun))
    log.close()
    rate = statistics.median(rates)
    return [
        at_least("fold, one view, four exact aggregates", rate, "events/s", 150_000, f"{rate / 1e6:.2f} M/s a core")
    ]
