from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from eventlog.registry.lease_holder import is_alive, is_dead, this_process

on_linux = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")


def test_this_process_is_alive() -> None:
    assert not is_dead(this_process())
    assert is_alive(this_process())


def test_of_a_process_of_another_machine_nothing_is_known() -> None:
    elsewhere = f"elsewhere/1:{os.getpid()}:0"
    assert not is_dead(elsewhere)
    assert not is_alive(elsewhere)


def test_a_process_that_ended_is_dead_with_and_without_a_start_time() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    host = this_process().split(":")[0]
    assert is_dead(f"{host}:{child.pid}:0")
    assert is_dead(f"{host}:{child.pid}:77")


def test_a_process_without_a_start_time_is_alive_while_its_pid_is() -> None:
    host = this_process().split(":")[0]
    assert not is_dead(f"{host}:{os.getpid()}:0")


@on_linux
def test_a_later_process_of_the_same_pid_is_another() -> None:
    host, pid, start = this_process().split(":")
    assert is_dead(f"{host}:{pid}:{int(start) - 1}")


@on_linux
def test_a_zombie_is_dead() -> None:
    child = subprocess.Popen([sys.executable, "-c", "pass"], stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.read()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert is_dead(f"{this_process().split(':')[0]}:{child.pid}:1")
    child.wait()
    child.stdout.close()


@pytest.mark.parametrize("holder", ["", "somebody", "a:b", "elsewhere:1:1", "x:y:z", "::"])
def test_of_others_nothing_is_known(holder: str) -> None:
    assert not is_dead(holder)
