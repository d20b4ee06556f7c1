"""One line of a log: as JSON for those who collect logs, as text for those who read them.

`infra.logs` sets the handlers; this is here, below it, because the processes that run queries log too, and know
nothing of `infra`.
"""

from __future__ import annotations

import json
import logging
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

import orjson

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The request that is being answered; see `serving.http.request_ids`. Threads that answer it inherit it."""
ACCESS = logging.getLogger("serving.access")
"""Where each request is told, if anybody wants to know: `infra.logs` decides."""
FORMATS = ("text", "json")
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message"}
"""What every record has; anything else was given as ``extra=`` and is a fact of its own."""


class JsonLines(logging.Formatter):
    """An object a line: ``time``, ``level``, ``logger``, ``message``, then what else is known.

    ``request_id`` stands in the lines of a request, `facts` in every line, and what a call gave as ``extra=``
    in its own; ``exception`` is the traceback as text.

    Parameters
    ----------
    facts
        What every line of this process tells, such as the batch run that it is.

    >>> record = logging.makeLogRecord({"name": "speed", "levelname": "INFO", "msg": "hi", "created": 1.5, "run": "r"})
    >>> JsonLines({}).format(record)
    '{"time":"1970-01-01T00:00:01.500000Z","level":"INFO","logger":"speed","message":"hi","run":"r"}'
    """

    def __init__(self, facts: dict[str, Any]):
        super().__init__()
        self.facts = facts

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": _time(record).isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if (asked := request_id.get()) is not None:
            line["request_id"] = asked
        line.update(self.facts)
        line.update((name, value) for name, value in vars(record).items() if name not in _STANDARD)
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        if record.stack_info:
            line["stack"] = record.stack_info
        return _dumped(line)


class TextLines(logging.Formatter):
    """Time, level, who says it, the message; then in brackets the process's `facts` and the request, if there are any.

    >>> record = logging.makeLogRecord({"name": "speed", "levelname": "INFO", "msg": "hello", "created": 1.5})
    >>> TextLines({"run": "r"}).format(record)
    '1970-01-01 00:00:01.500Z INFO speed: hello [run=r]'
    """

    def __init__(self, facts: dict[str, Any]):
        super().__init__()
        self.facts = facts

    def format(self, record: logging.LogRecord) -> str:
        time = _time(record).isoformat(" ", "milliseconds").replace("+00:00", "Z")
        facts = self.facts
        if (asked := request_id.get()) is not None:
            facts = {**facts, "request_id": asked}
        told = f" [{' '.join(f'{name}={value}' for name, value in facts.items())}]" if facts else ""
        lines = [f"{time} {record.levelname} {record.name}: {record.getMessage()}{told}"]
        if record.exc_info:
            lines.append(self.formatException(record.exc_info))
        if record.stack_info:
            lines.append(record.stack_info)
        return "\n".join(lines)


def formatter_of(log_format: str, facts: dict[str, Any]) -> logging.Formatter:
    """The formatter of one of `FORMATS`; `facts` may grow later."""
    return JsonLines(facts) if log_format == "json" else TextLines(facts)


def _time(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created, UTC)


def _dumped(line: dict[str, Any]) -> str:
    """JSON in one line, whatever anybody gave as a fact: a line that cannot be written must not be lost."""
    try:
        return orjson.dumps(line, default=str).decode()
    except TypeError:  # a number of more than 64 bits, a text that is no Unicode
        return json.dumps(line, default=str, skipkeys=True)
