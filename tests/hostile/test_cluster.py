"""Whoever may speak to a Dask scheduler may run code as who started it: nobody may but the run's own processes."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

_RUN = """
import json, os, sys
from pathlib import Path
from batch.cluster import DaskWorkers
if __name__ == "__main__":
    workers = DaskWorkers.local(2, Path(sys.argv[1]))
    folders = [*workers.client.run(lambda dask_worker: dask_worker.local_directory).values()]
    processes = [os.getpid(), *workers.client.run(os.getpid).values()]
    addresses = [workers.client.scheduler.address, *workers.client.nthreads()]
    print(json.dumps({"processes": processes, "addresses": addresses, "folders": folders}), flush=True)
    input()
    workers.close()
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """The processes and addresses of a cluster as a batch run starts it."""
    folder = tmp_path_factory.mktemp("cluster")
    script = folder / "run.py"
    script.write_text(_RUN)
    with subprocess.Popen(
        [sys.executable, script, folder / "scratch"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        yield {**json.loads(process.stdout.readline()), "scratch": str(folder / "scratch")}
        process.communicate(b"\n", timeout=60)


def listeners(pids: list[int]) -> set[tuple[str, int]]:
    """The addresses of IPv4 and IPv6 that processes listen on."""
    sockets = {
        str(link.readlink()).removeprefix("socket:[").removesuffix("]")
        for pid in pids
        for link in Path(f"/proc/{pid}/fd").iterdir()
        if link.is_symlink() and str(link.readlink()).startswith("socket:")
    }
    found = set()
    for family, table in ((socket.AF_INET, "tcp"), (socket.AF_INET6, "tcp6")):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in sockets:
                digits, _, port = fields[1].partition(":")
                words = [int(digits[start : start + 8], 16) for start in range(0, len(digits), 8)]
                packed = b"".join(word.to_bytes(4, sys.byteorder) for word in words)
                found.add((socket.inet_ntop(family, packed), int(port, 16)))
    return found


def test_it_listens_on_loopback_alone(cluster: dict[str, Any]) -> None:
    found = listeners(cluster["processes"])
    assert len(found) >= 3
    assert {address for address, _ in found} == {"127.0.0.1"}


def test_nobody_else_can_put_modules_where_workers_look_for_them(cluster: dict[str, Any]) -> None:
    assert len(cluster["folders"]) == 2
    assert all(folder.startswith(cluster["scratch"]) for folder in cluster["folders"])


def test_who_has_no_key_of_the_run_runs_nothing(cluster: dict[str, Any]) -> None:
    from distributed import Client
    from distributed.security import Security

    for address in cluster["addresses"]:
        assert address.startswith("tls://")
    place = cluster["addresses"][0].removeprefix("tls://")
    with pytest.raises(OSError):
        Client(f"tcp://{place}", timeout="2s", set_as_default=False)
    with pytest.raises(OSError):
        Client(f"tls://{place}", timeout="2s", set_as_default=False, security=Security.temporary())


def test_nothing_of_it_answers_over_http(cluster: dict[str, Any]) -> None:
    answers = {}
    for address, port in listeners(cluster["processes"]):
        for path in (
            "/",
            "/status",
            "/info/main/workers.html",
            "/json/counts.json",
            "/metrics",
            "/api/v1/retire_workers",
        ):
            try:
                with urllib.request.urlopen(f"http://{address}:{port}{path}", timeout=5) as answer:
                    answers[path] = answer.read()
            except urllib.error.HTTPError as error:
                if error.code != 404:
                    answers[path] = error.read()
                error.close()
            except OSError:  # this one speaks TLS
                pass
    assert answers == {}
