"""A process that appends: ``writer.py URL NAME COUNT``. Says on stdout what is durable, a line each."""

from __future__ import annotations

import sys
from itertools import count, islice

import orjson

from eventlog import Append
from eventlog.log.sql_log import SqlLog
from eventlog.registry.database import Database


def main(url: str, name: str, appends: int | None) -> None:
    log = SqlLog(Database(url))
    print("ready", flush=True)
    sys.stdin.readline()
    for number in islice(count(), appends):
        size = number % 3 + 1
        ids: list[str | None] = [f"{name}-{number}-{place}" for place in range(size)]
        data = [orjson.dumps({"writer": name, "number": number, "place": place}) for place in range(size)]
        appended = log.append(Append("clicks", ids, [name] * size, [None] * size, data))
        print(number, appended.position.offsets[0], flush=True)
    log.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]) if int(sys.argv[3]) else None)
