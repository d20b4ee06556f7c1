"""Bodies at the door, each in a process of its own that may take so much memory and no more.

``python -m tests.hostile.measured FILE…`` prints a line of JSON for each file, which is a pickled (type, body): the
error, or how many events were accepted and why others were not; and how far the memory grew at its highest. What died
has no line but its status.
"""

from __future__ import annotations

import json
import os
import pickle
import resource
import sys
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from anabranch import App
from eventlog.intake.door import Admission, BodyLimits, admit
from serving.http.content_coding import unpacked
from tests.hostile import bodies

LIMITS = BodyLimits(max_body_bytes=8 * 2**20, max_events=25_000, max_event_bytes=2**18)
"""A quarter of the usual ones: growing by as many times its size is seen as well, and takes less time."""
_ADDRESS_SPACE = 4 * 2**30
"""Beyond this an allocation fails, so that a test of a body that takes too much harms no other process."""
NOW = 1_800_000_000_000_000
app = App("hostile")


class Thing(BaseModel):
    n: int = 0
    numbers: list[int] = []


things = app.stream("things", Thing)


def door(kind: str, body: bytes) -> Admission:
    """What the route makes of a body, of which `kind` is the type; ``gzip``: NDJSON that is packed."""
    if kind == "gzip":
        kind, body = bodies.NDJSON, unpacked(body, "gzip", LIMITS.max_body_bytes)
    return admit(kind, body, things, limits=LIMITS, now=NOW)


def warm_up() -> None:
    """Load what any body loads: libraries take memory once, and that is not the body's."""
    import gzip

    import pyarrow as pa

    door(bodies.ARROW, bodies.ipc(pa.table({"n": [1], "x": pa.array(["a"]).dictionary_encode()}), "zstd"))
    door(bodies.JSON, b"[%b]" % b",".join([b'{"n":1}'] * 25_000))
    door("gzip", gzip.compress(b'{"n":1}'))


def memory_bytes(name: str) -> int:
    """``VmRSS``: what this process has now; ``VmHWM``: the most that it had since that was reset."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


def reset_highest() -> None:
    """From now on ``VmHWM`` begins at what there is now (proc(5), "clear_refs")."""
    Path("/proc/self/clear_refs").write_text("5")


def measured(kind: str, body: bytes) -> dict[str, Any]:
    """What becomes of a body, and by how much the memory of this process grew meanwhile, at its highest."""
    reset_highest()
    before = memory_bytes("VmRSS")
    resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_SPACE, resource.RLIM_INFINITY))
    told: dict[str, Any] = {}
    try:
        admission = door(kind, body)
        reasons = sorted({event.errors[0]["type"] for event in admission.rejected})
        told |= {"accepted": len(admission.append.data), "rejected": len(admission.rejected), "reasons": reasons}
    except Exception as error:
        told |= {"error": type(error).__name__, "message": str(error)[:300]}
    return told | {"grown_bytes": memory_bytes("VmHWM") - before}


def in_a_process(path: Path) -> dict[str, Any]:
    """The same in a child, so that nothing that one body did is left for the next."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        told = measured(*pickle.loads(path.read_bytes()))  # a file of the test's own
        os.write(writing, json.dumps(told).encode())
        os._exit(0)
    os.close(writing)
    with open(reading, "rb") as pipe:
        answer = pipe.read()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return json.loads(answer) if status == 0 else {"died": status}


def main(paths: list[str]) -> None:
    warm_up()
    for path in map(Path, paths):
        print(json.dumps({"name": path.name, **in_a_process(path)}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
