"""An analyst in a process of their own: opens the published file again and again, and notes what is wrong."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import duckdb


def until(is_so: Callable[[], bool], seconds: float) -> None:
    """Wait for another process, which tells nobody but by what it writes."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.02)


def look(path: Path, stop: Path) -> dict[str, object]:
    """Query until the file `stop` is there; what was seen."""
    errors: list[str] = []
    cuts: set[str] = set()
    openings = before = 0
    oldest = 0.0
    while not stop.exists():
        try:
            with duckdb.connect(path, read_only=True) as connection:
                openings += 1
                opened = None
                for _ in range(5):
                    ((events, tiles, position, age),) = connection.execute(
                        "SELECT (SELECT count(*) FROM events_rides), (SELECT sum(n) FROM view_hourly),"
                        " position, age_seconds FROM freshness WHERE relation = 'view_hourly'"
                    ).fetchall()
                    if events != tiles:
                        errors.append(f"{events} events and {tiles} in tiles at {position}")
                    if events < before:
                        errors.append(f"{events} events, after {before}")
                    if opened is not None and events != opened:
                        errors.append(f"{events} events, and {opened} before in the same file")
                    if opened is None:  # what was opened long ago may be old
                        oldest = max(oldest, age)
                    opened = before = events
                    cuts.add(position)
        except duckdb.Error as error:
            errors.append(str(error))
    return {"opened": openings, "events": before, "oldest": oldest, "errors": errors[:20], "cuts": len(cuts)}


if __name__ == "__main__":
    print(json.dumps(look(Path(sys.argv[1]), Path(sys.argv[2]))))
