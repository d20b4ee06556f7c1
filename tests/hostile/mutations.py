"""Valid bodies of every kind, damaged in every way: what Hypothesis makes, and what becomes of it.

``python -m tests.hostile.mutations CASES`` puts so many at the door, in a process that may take so much memory and no
more, and prints how many were answered how. It ends with an error as soon as one is answered with a 500.
"""

from __future__ import annotations

import gzip
import json
import resource
import struct
import sys
from collections import Counter
from datetime import UTC, date, datetime
from typing import Any

import orjson
import pyarrow as pa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from anabranch import App, Cut
from eventlog.intake.door import EVENT_BYTES, BodyLimits, admit
from eventlog.log import Appended
from serving.http.content_coding import unpacked
from serving.http.posting import WORK_FOLD, answer_to_post
from serving.http.problems import PROBLEM_BY_ERROR, problem_of
from tests.hostile.bodies import ARROW, CLOUDEVENTS, JSON, NDJSON, ipc
from tests.hostile.measured import NOW, memory_bytes, reset_highest

LIMITS = BodyLimits(max_body_bytes=2**20, max_events=1_000, max_event_bytes=2**16)
GROWN_BYTES = (1 + WORK_FOLD) * LIMITS.max_body_bytes + EVENT_BYTES * LIMITS.max_events + 8 * 2**20
"""What the process may grow by for one body: what is counted for it, and what allocators take at once. (Hypothesis
remembers what it has tried, so that the growth over all cases says nothing.)"""
_ADDRESS_SPACE = 6 * 2**30
app = App("mutations")


class Thing(BaseModel):
    thing: str
    at: datetime
    n: int = 0
    x: float | None = None
    numbers: list[int] = []
    tags: list[str] = []


things = app.stream("things", Thing, id="thing", key="thing", time="at")
EVENTS: list[dict[str, Any]] = [
    {"thing": f"t{number}", "at": f"2024-05-01T10:00:{number:02}Z", "n": number, "x": number / 3, "tags": ["ä", '"\\']}
    for number in range(5)
]
_ENVELOPE = {"specversion": "1.0", "id": "1", "source": "/", "type": "thing", "time": "2024-05-01T10:00:00Z"}
_TIMES = [datetime(2024, 5, 1, 10, 0, number, tzinfo=UTC) for number in range(5)]
_NAMES = [f"t{number}" for number in range(5)]


def _tables() -> list[pa.Table]:
    """Tables with every type that is taken, and with some that are not."""
    base = {"thing": _NAMES, "at": pa.array(_TIMES, pa.timestamp("us", "UTC"))}
    lists = pa.array([[1, None], None, [], [2], [3, 4, 5]], pa.list_(pa.int32()))
    return [
        pa.table({**base, "n": pa.array(range(5), pa.int8()), "x": [0.5, None, 1.0, float("nan"), -1.0]}),
        pa.table({**base, "numbers": lists, "tags": pa.array([["a"], ["b", "cc"], None, [], [""]])}),
        pa.table({**base, "color": pa.array(["red", None, "blue", "red", "red"]).dictionary_encode()}),
        pa.table(
            {**base, "view": pa.array(["short", "a text of more than twelve bytes", None, "", "x"], pa.string_view())}
        ),
        pa.table({**base, "fixed": pa.array([[1, 2]] * 4 + [None], pa.list_(pa.float32(), 2)), "no": pa.nulls(5)}),
        pa.table({**base, "inner": [{"a": 1, "b": ["x", "y"]}, None, {"a": 2}, {"b": []}, {}]}),
        pa.table({**base, "large": pa.array(_NAMES, pa.large_string()), "day": [date(2024, 5, 1)] * 5}),
        pa.table({**base, "runs": pa.RunEndEncodedArray.from_arrays([2, 5], ["a", "b"])}),
        pa.table({**base, "binary": [b"\xff"] * 5, "map": pa.array([[("a", 1)]] * 5, pa.map_(pa.string(), pa.int8()))}),
    ]


def valid_bodies() -> list[tuple[str, dict[str, str], bytes]]:
    """(type, headers, body) of each kind."""
    lines = b"\n".join(map(orjson.dumps, EVENTS))
    envelopes = [{**_ENVELOPE, "data": event} for event in EVENTS]
    binary = {f"ce-{name}": value for name, value in _ENVELOPE.items()}
    streams = [
        ipc(table, compression)
        for table in _tables()
        for compression in ("zstd", "lz4", None)[: 2 if "n" in table.column_names else 3]
    ]
    return [
        (JSON, {}, orjson.dumps(EVENTS[0])),
        (JSON, {}, orjson.dumps(EVENTS)),
        (NDJSON, {}, lines),
        (NDJSON, {"content-encoding": "gzip"}, gzip.compress(lines)),
        (CLOUDEVENTS, {}, orjson.dumps(envelopes)),
        ("application/cloudevents+json", {}, orjson.dumps(envelopes[0])),
        (JSON, binary, orjson.dumps(EVENTS[0])),
        *((ARROW, {}, stream) for stream in streams),
        (ARROW, {"content-encoding": "gzip"}, gzip.compress(streams[0])),
    ]


VALID = valid_bodies()
_NUMBERS = (0, 1, -1, 7, 255, 2**15, 2**31 - 1, 2**31, -(2**31), 2**32 - 1, 2**40, 2**63 - 1, -(2**63))


@st.composite
def mutated(draw: st.DrawFn) -> tuple[str, dict[str, str], bytes]:
    """A valid body after some mutations; those of Arrow change aligned words, of which offsets and lengths are made."""
    kind, headers, whole = draw(st.sampled_from(VALID))
    body = bytearray(whole)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(0, len(body) - 1)))
        how = draw(st.sampled_from(("flip", "word", "long", "cut", "drop", "double", "insert", "splice")))
        if how == "flip" and body:
            body[at] ^= 1 << draw(st.integers(0, 7))
        elif how in ("word", "long"):
            form, size = ("<I", 4) if how == "word" else ("<Q", 8)
            number = draw(st.sampled_from(_NUMBERS) | st.integers(0, 4096)) % 2 ** (8 * size)
            body[at // size * size : at // size * size + size] = struct.pack(form, number)
        elif how == "cut":
            del body[at:]
        elif how == "drop":
            del body[at : at + draw(st.integers(1, 64))]
        elif how == "double":
            body[at:at] = body[at : at + draw(st.integers(1, 512))] * draw(st.sampled_from((1, 2, 100)))
        elif how == "insert":
            body[at:at] = draw(st.binary(min_size=1, max_size=16) | st.sampled_from(_TOKENS))
        else:
            other = draw(st.sampled_from(VALID))[2]
            body[at:] = other[min(at, len(other)) :]
    return kind, headers, bytes(body)


_TOKENS = (
    b"[" * 300,
    b'{"a":' * 300,
    b"[[],[]],",
    b"1e999",
    b"-0",
    b"NaN",
    b'"\\ud800"',
    b"\0",
    b"\n" * 100,
    b"9" * 400,
)


def answered(kind: str, headers: dict[str, str], body: bytes) -> int:
    """The status that the route answers with; raises what the table of problems does not know, which would be a 500."""
    try:
        plain = unpacked(body, headers.get("content-encoding", ""), LIMITS.max_body_bytes)
        admission = admit(kind, plain, things, limits=LIMITS, now=NOW, headers=headers)
    except tuple(PROBLEM_BY_ERROR) as error:
        return problem_of(error).status_code
    done = Appended(Cut((0,)), len(admission.append.data), 0)
    return answer_to_post(admission)(done).status_code


def main(cases: int) -> dict[str, int]:
    for body in VALID:
        answered(*body)
    counts: Counter[int] = Counter()
    resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_SPACE, resource.RLIM_INFINITY))

    @settings(
        max_examples=cases,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(mutated())
    def each(case: tuple[str, dict[str, str], bytes]) -> None:
        reset_highest()
        before = memory_bytes("VmRSS")
        status = answered(*case)
        counts[status] += 1
        assert status < 500, case
        grown = memory_bytes("VmHWM") - before
        assert grown <= GROWN_BYTES, (grown, case)

    each()
    return {str(status): count for status, count in sorted(counts.items())}


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]))))
