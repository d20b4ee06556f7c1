"""A child that is asked over a pipe: it answers, is late, ends, and does not outlive its parent."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from serving.sql.child_process import ChildEndedError, ChildProcess
from tests.processes import ends

ECHO = (
    "from serving.sql.child_process import answer_all\n"
    "def answer(message):\n"
    "    print('what a library prints')\n"
    "    return {'heard': message}, bytes(message['size'])\n"
    "answer_all(answer)"
)


@pytest.fixture
def echo() -> Iterator[ChildProcess]:
    child = ChildProcess([sys.executable, "-c", ECHO])
    yield child
    child.end()


def test_a_child_answers_one_message_after_the_other_with_bytes_of_any_number(echo: ChildProcess) -> None:
    for size in (0, 1, 3_000_000, 2):
        message = {"size": size, "text": "a \u2028 line"}
        assert echo.ask(message, 60) == ({"heard": message}, bytes(size))


def test_a_child_that_was_ended_answers_no_more_and_can_be_ended_again(echo: ChildProcess) -> None:
    echo.end()
    echo.end()
    assert not echo.is_alive
    with pytest.raises(ChildEndedError) as caught:
        echo.ask({"size": 0}, 60)
    assert not caught.value.late


def test_a_child_that_does_not_answer_is_killed() -> None:
    child = ChildProcess([sys.executable, "-c", "import signal; signal.pause()"])
    with pytest.raises(ChildEndedError) as caught:
        child.ask({}, 0.3)
    assert caught.value.late


def test_a_child_that_ends_is_noticed() -> None:
    child = ChildProcess([sys.executable, "-c", "print(1)"])
    with pytest.raises(ChildEndedError) as caught:
        child.ask({}, 60.0)
    assert not caught.value.late


def test_a_child_ends_with_its_parent_in_the_middle_of_work() -> None:
    work = "import signal; from serving.sql.child_process import answer_all; answer_all(lambda m: signal.pause())"
    parent = (
        "import os, sys; from serving.sql.child_process import ChildProcess;"
        f"child = ChildProcess([sys.executable, '-c', {work!r}]);"
        "child._process.stdin.write(bytes([2,0,0,0]) + bytes(8) + b'{}'); child._process.stdin.flush();"
        "print(child.pid, flush=True); os._exit(0)"
    )
    ended = subprocess.run([sys.executable, "-c", parent], capture_output=True, text=True, check=True)
    assert ends(int(ended.stdout), 30)
