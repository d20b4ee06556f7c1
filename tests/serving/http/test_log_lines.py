"""Whatever is logged becomes one line of JSON, or text that people read."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from serving.http.log_lines import JsonLines, TextLines, formatter_of


def record(message: object = "hello %s", *arguments: object, **extra: Any) -> logging.LogRecord:
    return logging.makeLogRecord(
        {
            "name": "speed.consumer",
            "levelname": "WARNING",
            "msg": message,
            "args": arguments,
            "created": 1_700_000_000.123456,
            **extra,
        }
    )


def told(record: logging.LogRecord, **facts: Any) -> dict[str, Any]:
    text = JsonLines(facts).format(record)
    assert "\n" not in text
    line: dict[str, Any] = json.loads(text)
    return line


def test_a_line_has_time_level_logger_and_message_first() -> None:
    assert list(told(record("hello %s", "you", run="r1")).items()) == [
        ("time", "2023-11-14T22:13:20.123456Z"),
        ("level", "WARNING"),
        ("logger", "speed.consumer"),
        ("message", "hello you"),
        ("run", "r1"),
    ]


def test_what_every_line_tells_may_come_later() -> None:
    facts: dict[str, Any] = {}
    lines = formatter_of("json", facts)
    assert "run" not in json.loads(lines.format(record("a")))
    facts["run"] = "r1"
    assert json.loads(lines.format(record("a")))["run"] == "r1"


def test_an_exception_is_text_in_the_same_line() -> None:
    try:
        raise ValueError("two\nlines")
    except ValueError as error:
        failed = record("it failed", exc_info=(ValueError, error, error.__traceback__))
    exception = told(failed)["exception"]
    assert exception.startswith("Traceback")
    assert exception.endswith("ValueError: two\nlines")
    assert TextLines({}).format(failed).endswith("ValueError: two\nlines")


@pytest.mark.parametrize("odd", [2**80, "\ud800", {1: 2}, {"a": 2**70}, object(), b"bytes", float("nan"), {3, 4}])
def test_no_fact_is_too_odd_to_be_written(odd: object) -> None:
    assert "odd" in told(record("a", odd=odd))


def test_text_names_the_run_and_the_request_behind_the_message() -> None:
    assert TextLines({"run": "r1"}).format(record("hello %s", "you", view="usage")) == (
        "2023-11-14 22:13:20.123Z WARNING speed.consumer: hello you [run=r1]"
    )
