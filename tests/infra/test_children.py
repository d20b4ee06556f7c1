"""Processes end with the command that started them, whichever signal ends it: real processes, real signals."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from infra.children import Child
from tests.processes import ends

ROOT = Path(__file__).parents[2]
SIGNALS = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL]
CHILD = """
import os, signal, subprocess, sys, threading
from infra.children import end_with_parent
end_with_parent()
{}
"""
WAITING = CHILD.format("print(os.getpid(), flush=True); signal.pause()")
STUBBORN = CHILD.format("signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True)\nwhile True: signal.pause()")
PARENT = """
import sys, signal
from infra.children import Child, end_by_signals, end_children
signal.signal(signal.SIGINT, signal.default_int_handler)  # where the tests run in the background it is ignored
{}
try:
    Child([sys.executable, "-c", sys.argv[1]])
    while True: signal.pause()
finally:
    end_children()
"""


def parent(preparation: str, child: str = WAITING) -> tuple[subprocess.Popen[bytes], int]:
    """A process with a child, and the pid of that."""
    process = subprocess.Popen(
        [sys.executable, "-c", PARENT.format(preparation), child],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    return process, int(process.stdout.readline())


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
@pytest.mark.parametrize("preparation", ["", "end_by_signals()"], ids=["unprepared", "prepared"])
def test_a_child_ends_with_its_parent(number: signal.Signals, preparation: str) -> None:
    process, child = parent(preparation)
    process.send_signal(number)
    process.communicate()
    in_order = preparation or number == signal.SIGINT
    assert ends(child, 0 if in_order and number != signal.SIGKILL else 30)
    assert process.returncode != 0


def test_a_signal_that_ends_a_command_is_told_and_no_traceback() -> None:
    process, _ = parent("end_by_signals()")
    process.terminate()
    assert process.communicate()[1] == b"ended by SIGTERM\n"


def test_a_command_under_nohup_does_not_end_with_its_terminal() -> None:
    process, child = parent("signal.signal(signal.SIGHUP, signal.SIG_IGN); end_by_signals()")
    process.send_signal(signal.SIGHUP)
    assert not ends(process.pid, 0.2)
    process.terminate()
    process.communicate()
    assert ends(child, 0)


def test_a_child_that_does_not_listen_is_ended_by_force() -> None:
    child = Child([sys.executable, "-c", STUBBORN], cwd=ROOT, stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    child.terminate()
    assert child.end(0.1) == child.end() == -signal.SIGKILL
    child.stdout.close()


def test_a_process_that_a_person_started_waits_for_no_parent() -> None:
    command = [sys.executable, "-c", CHILD.format("print(threading.active_count())")]
    assert subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout == b"1\n"


def test_the_children_of_a_child_do_not_take_its_line_for_theirs() -> None:
    count = CHILD.format("print(threading.active_count(), flush=True)")
    nested = CHILD.format(f"subprocess.run([sys.executable, '-c', {count!r}], check=True)")
    child = Child([sys.executable, "-c", nested], cwd=ROOT, stdout=subprocess.PIPE)
    assert child.communicate()[0] == b"1\n"
