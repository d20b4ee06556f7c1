"""A reader who does what a document says, from top to bottom, in a folder of its own."""

from __future__ import annotations

import os
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.docs.answers import differences, same_text
from tests.docs.blocks import Block

ROOT = Path(__file__).parents[2]
_READY = {"dask scheduler": "Scheduler at", "dask worker": "Registered to"}


class Reader:
    """Runs blocks. What it says goes through `instead`, which has this machine's ports and addresses."""

    def __init__(self, folder: Path, instead: Mapping[str, str] | None = None):
        self.folder = folder / "anabranch"
        self.folder.mkdir()
        for name in ("docs", "examples"):
            (self.folder / name).symlink_to(ROOT / name)
        self.port = _free_port()
        self.instead = {":8000": f":{self.port}", ":8786": f":{_free_port()}", **(instead or {})}
        self.state = folder / "state"
        self.state.write_text(f"cd {shlex.quote(str(self.folder))}\n")
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("ANABRANCH_")},
            "PATH": f"{_commands(folder / 'bin')}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "ANABRANCH_PORT": str(self.port),
            "ANABRANCH_WORKERS": "1",
            "ANABRANCH_ANALYTICS_REFRESH": "off",  # no document opens the file
            "OMP_NUM_THREADS": "1",  # threads that wait for each other on a busy machine are slower than one
            "TZ": "UTC",
        }
        self.services: dict[str, subprocess.Popen[bytes]] = {}
        self.answer = ""

    def follow(self, block: Block) -> None:
        """Do what a block says; raises `AssertionError` if that fails, or answers something else."""
        if block.reason is not None:
            assert len(block.reason) > 10, f"line {block.line} says not why it is not run"
        elif block.title is not None and block.language != "cron":
            self._write(block)
        elif block.is_service:
            self._serve(block)
        elif block.is_answer:
            self._compare(block)
        elif block.language == "sh":
            self.answer = self._run(block.text, block.line)
        elif block.language == "python":
            self.answer = self._run(f"python - <<'END'\n{block.text}END\n", block.line)
        elif block.language == "cron":
            self.answer = self._run(_commands_of_crontab(block.text), block.line)
        else:
            raise AssertionError(f"line {block.line}: nothing is done with {block.language!r}; say why it is not run")

    def close(self) -> None:
        for name in reversed(list(self.services)):
            self._end(name)

    def _write(self, block: Block) -> None:
        assert block.title is not None
        name = block.title.removeprefix("add to ")
        file = Path(self._run("pwd", block.line).strip()) / name
        before = f"{file.read_text()}\n\n" if name != block.title else ""
        file.write_text(before + self._here(block.text))

    def _read_on(self) -> None:
        """Take as long as a person who reads: by the next block the fold has seen what the one before posted."""
        deadline = time.monotonic() + 60
        while (up := self.services.get("anabranch up")) and up.poll() is None and not self._is_folded():
            assert time.monotonic() < deadline, "the fold does not come to the end of the log"
            time.sleep(0.02)

    def _is_folded(self) -> bool:
        exposition = httpx.get(f"http://127.0.0.1:{self.port}/metrics").text
        found = {
            family.name: family.samples[0].value
            for family in text_string_to_metric_families(exposition)
            if family.samples
        }
        return found["anabranch_fold_offset"] == found.get("anabranch_log_end_offset")

    def _compare(self, block: Block) -> None:
        answer, self.answer = self.answer, ""
        assert answer, f"line {block.line} answers nothing"
        if block.language == "json":
            found = differences(block.text, answer)
            assert not found, f"line {block.line}: {found}\n{answer}"
        else:
            assert same_text(block.text, answer), f"line {block.line} shows\n{block.text}\nbut it is\n{answer}"

    def _run(self, script: str, line: int) -> str:
        """What bash prints. The folder and the exported variables are those of the block before."""
        self._read_on()
        keep = f"trap '{{ export -p; echo cd \"$(pwd)\"; }} >{shlex.quote(str(self.state))}' EXIT"
        text = f"set -euo pipefail\n. {shlex.quote(str(self.state))}\n{keep}\n{self._here(script)}"
        done = subprocess.run(
            ["bash", "-c", text], env=self.environment, capture_output=True, text=True, timeout=180, check=False
        )
        assert done.returncode == 0, f"line {line} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        return self._there(done.stdout)

    def _serve(self, block: Block) -> None:
        """Start what runs until it is stopped, instead of what of the same name ran before."""
        name = " ".join(block.text.split()[:2])
        self._end(name)
        output = self.state.with_name(f"{name}.{block.line}")
        script = f". {shlex.quote(str(self.state))}\nexec {self._here(block.text)}"
        with output.open("wb") as file:
            process = subprocess.Popen(["bash", "-c", script], env=self.environment, stdout=file, stderr=file)
        self.services[name] = process
        deadline = time.monotonic() + 60
        while not self._is_ready(name, output):
            assert process.poll() is None, output.read_text()
            assert time.monotonic() < deadline, output.read_text()
            time.sleep(0.05)  # a process that starts tells nobody but by answering
        self.answer = self._there(output.read_text())

    def _is_ready(self, name: str, output: Path) -> bool:
        if name in _READY:
            return _READY[name] in output.read_text()
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def _end(self, name: str) -> None:
        if process := self.services.pop(name, None):
            process.terminate()
            process.wait(60)

    def _here(self, text: str) -> str:
        for shown, real in self.instead.items():
            text = text.replace(shown, real)
        return text

    def _there(self, text: str) -> str:
        for shown, real in self.instead.items():
            text = text.replace(real, shown)
        return text


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _commands(folder: Path) -> Path:
    """A folder with the commands that documents use, as this source has them."""
    folder.mkdir()
    for name, module in (("anabranch", "infra.cli"), ("dask", "dask")):
        script = folder / name
        script.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m {module} "$@"\n')
        script.chmod(0o755)
    return folder


def _commands_of_crontab(text: str) -> str:
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return "\n".join(f"export {line}" if line.startswith("ANABRANCH_") else line.split(None, 5)[5] for line in lines)
