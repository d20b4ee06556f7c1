"""``anabranch import``, beside a running service or without one, killed and started again."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.end_to_end.conftest import rides
from tests.service import Service


def write_csv(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)


def write_ndjson(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("\n".join(json.dumps(row) for row in rows) + "\n")


def write_parquet(path: Path, rows: list[dict[str, Any]]) -> None:
    pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=300)


WRITERS = {"csv": write_csv, "ndjson": write_ndjson, "parquet": write_parquet}


def importing(service: Service, path: Path, stream: str) -> subprocess.CompletedProcess[str]:
    command = service.command("import", str(path), str(service.application), "--stream", stream)
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("suffix", WRITERS)
def test_a_file_of_each_kind_becomes_events_beside_a_running_service(
    service: Service, tmp_path: Path, suffix: str
) -> None:
    rows = rides(Random(1), 0, 1_000)
    path = tmp_path / f"rides.{suffix}"
    WRITERS[suffix](path, rows)
    service.start()
    done = importing(service, path, "rides")
    assert done.returncode == 0, done.stderr
    assert "1,000" in done.stdout
    logged = service.events("rides")
    assert {e["id"]: e["data"]["minutes"] for e in logged} == {r["ride_id"]: r["minutes"] for r in rows}
    total = service.rows("ever", f"0:{len(rows)}")
    assert sum(row["n"] for row in total) == 1_000


def test_rows_that_are_not_events_are_counted_and_kept(service: Service, tmp_path: Path) -> None:
    path = tmp_path / "some.ndjson"
    path.write_text('{"page": "a"}\n\nnot json\n{"size": 3}\n{"page": "b"}\n')
    done = importing(service, path, "clicks")
    assert done.returncode == 1, done.stderr
    why = [line.strip().split(maxsplit=3) for line in done.stdout.splitlines()]
    assert ["1", "4", "page", "Field required"] in why
    service.start()
    assert [event["data"]["page"] for event in service.events("clicks")] == ["a", "b"]
    letters = service.client.get("/v1/streams/clicks/rejected").json()["rejected"]
    assert [letter["errors"][0]["row"] for letter in letters] == [3, 4]
    assert [letter["errors"][0]["line"] for letter in letters] == [3, 4]


def test_rows_of_csv_that_cannot_be_read_are_told_by_their_line(service: Service, tmp_path: Path) -> None:
    path = tmp_path / "some.csv"
    path.write_text('page,size\na,1\n"b,2\nc,3\nd,4,5\ne\nf,6\n')
    done = importing(service, path, "clicks")
    assert done.returncode == 1, done.stderr
    assert "never closed" in done.stdout
    service.start()
    assert [event["data"]["page"] for event in service.events("clicks")] == ["a", "c", "f"]
    letters = service.client.get("/v1/streams/clicks/rejected").json()["rejected"]
    assert [letter["errors"][0]["line"] for letter in letters] == [3, 5, 6]


def test_a_column_that_is_a_field_in_another_case_is_hinted_at(service: Service, tmp_path: Path) -> None:
    path = tmp_path / "case.csv"
    path.write_text("Page,size\na,1\n")
    done = importing(service, path, "clicks")
    assert done.returncode == 1
    assert "column 'Page' is not the field 'page'" in " ".join(done.stderr.split())


def test_of_two_that_import_one_file_at_once_one_does_and_nothing_is_kept_twice(
    service: Service, tmp_path: Path
) -> None:
    count = 60_000
    path = tmp_path / "same.ndjson"
    write_ndjson(path, [{"page": f"p{n % 9}", "size": n} if n % 100 else {"size": n} for n in range(count)])
    command = service.command("import", str(path), str(service.application), "--stream", "clicks")
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    told = [process.communicate()[1] for process in both]
    codes = sorted(process.returncode for process in both)
    assert codes in ([1, 75], [1, 1]), told  # the second may come when the first has ended
    if codes == [1, 75]:
        assert any("by another process" in " ".join(said.split()) for said in told)
    service.start()
    assert len(service.events("clicks")) == count - count // 100
    found = service.client.post("/v1/sql", json={"sql": "SELECT count(*) FROM rejected"}).json()
    assert found["rows"] == [[count // 100]]


def test_a_file_of_which_nothing_is_accepted_is_a_failure(service: Service, tmp_path: Path) -> None:
    path = tmp_path / "none.csv"
    path.write_text("site;size\na;1\nb;2\n")
    for _ in range(2):  # a second time it is known to be done
        done = importing(service, path, "clicks")
        assert (done.returncode, done.stdout.count("rejected rows wait")) == (1, 1)


def test_the_same_file_again_adds_nothing(service: Service, tmp_path: Path) -> None:
    path = tmp_path / "clicks.ndjson"
    write_ndjson(path, [{"page": "same"}] * 10)
    assert importing(service, path, "clicks").returncode == 0
    assert importing(service, path, "clicks").returncode == 0
    for record in (service.home / "imports").iterdir():  # as if it had been killed before it wrote anything down
        record.unlink()
    again = importing(service, path, "clicks")
    assert again.stdout.splitlines()[1].split()[3:] == ["0", "10", "0"]
    service.start()
    assert len(service.events("clicks")) == 10


@pytest.mark.parametrize(("suffix", "stream"), [("csv", "rides"), ("ndjson", "clicks"), ("parquet", "clicks")])
def test_a_killed_import_goes_on_where_it_stopped_without_duplicates(
    service: Service, tmp_path: Path, suffix: str, stream: str
) -> None:
    count = 40_000
    rows = rides(Random(2), 0, count) if stream == "rides" else [{"page": f"p{n % 9}", "size": n} for n in range(count)]
    path = tmp_path / f"large.{suffix}"
    WRITERS[suffix](path, rows)
    command = service.command("import", str(path), str(service.application), "--stream", stream)
    kills = 0
    for _ in range(3):
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        written = _rows_done(service.home)
        while process.poll() is None and _rows_done(service.home) < written + 10_000:
            pass
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            kills += 1
        process.wait()
    assert kills > 0
    done = importing(service, path, stream)
    assert done.returncode == 0, done.stderr
    service.start()
    sizes = [event["data"].get("size", event["id"]) for event in service.events(stream)]
    assert len(sizes) == len(set(sizes)) == count


def _rows_done(home: Path) -> int:
    return max((json.loads(path.read_text())["row"] for path in home.glob("imports/*.json")), default=0)


def test_a_wrong_file_or_stream_is_one_line_that_says_what_would_be_right(service: Service, tmp_path: Path) -> None:
    path = tmp_path / "rides.txt"
    path.write_text("x")
    for file, stream, says in [
        (path, "rides", ".csv"),
        (tmp_path / "no.csv", "rides", "no such"),
        (path, "x", "rides"),
    ]:
        refused = importing(service, file, stream)
        assert refused.returncode == 1
        assert says in refused.stderr
        assert "Traceback" not in refused.stderr
