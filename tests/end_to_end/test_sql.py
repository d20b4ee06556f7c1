"""SQL in a real process: what it says is what the API answers and what `verify` proves."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from anabranch.view import key_order
from tests.end_to_end.application import app
from tests.end_to_end.conftest import APPLICATION, ride, rides
from tests.service import Service

REFRESH = "2s"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    service = Service(
        APPLICATION, tmp_path / "home", ANABRANCH_SLICE_RECORDS="1000", ANABRANCH_ANALYTICS_REFRESH=REFRESH
    )
    yield service
    service.close()


def batch(service: Service) -> None:
    assert service.batch().wait(300) == 0, service.output.read_text()


def ask(service: Service, sql: str, status: int = 200, params: Any = None, **query: Any) -> dict[str, Any]:
    body = {"sql": sql} if params is None else {"sql": sql, "params": params}
    response = service.client.post("/v1/sql", json=body, params=query)
    assert response.status_code == status, response.text
    answer: dict[str, Any] = response.json()
    return answer


def rows(service: Service, sql: str, **query: Any) -> list[dict[str, Any]]:
    """The rows of a statement as objects."""
    answer = ask(service, sql, **query)
    assert not answer["truncated"]
    names = [column["name"] for column in answer["columns"]]
    return [dict(zip(names, row, strict=True)) for row in answer["rows"]]


def in_order(view: str, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows as the API orders them: by key, then by tile."""
    fields = app.views[view].key_fields
    return sorted(found, key=lambda row: (key_order(tuple(row[field] for field in fields)), row["tile"] or ""))


def of_file(service: Service, sql: str) -> list[dict[str, Any]]:
    """What any DuckDB client reads from the published file, by the conversion of the endpoint."""
    from serving.sql.sandbox.result_rows import read, values

    with duckdb.connect(service.home / "analytics.duckdb", read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        result = read(connection.sql(sql), 10**9, 10**12)
        return [dict(zip(result.table.column_names, row, strict=True)) for row in zip(*values(result), strict=True)]


def everything(service: Service, chance: Random, first: int, count: int) -> None:
    service.post("rides", rides(chance, first, count))
    clicks = [{"page": chance.choice(["a", "bb", "ca", ""]), "size": chance.choice([None, 1, 2])} for _ in range(40)]
    service.post("clicks", clicks)


def check_views(service: Service) -> None:
    end = service.client.get("/readyz").json()["log_end"]
    for view in app.views:
        served = service.rows(view, after=end)
        assert in_order(view, rows(service, f"FROM view_{view}")) == served, view
        assert in_order(view, rows(service, f"FROM view_{view}_batch")) == service.rows(view, layer="batch"), view


def test_views_in_sql_equal_the_api_and_what_verify_proves(service: Service) -> None:
    chance = Random(7)
    service.start()
    everything(service, chance, 0, 700)
    check_views(service)
    batch(service)
    check_views(service)
    everything(service, chance, 700, 500)
    check_views(service)
    batch(service)
    everything(service, chance, 1_200, 300)
    everything(service, chance, 1_000, 300)  # the first 200 were there
    check_views(service)
    verified = subprocess.run(service.command("verify", str(APPLICATION)), capture_output=True, text=True)
    assert verified.returncode == 0, verified.stdout
    service.kill()
    service.start()
    check_views(service)
    everything(service, chance, 2_000, 100)
    check_views(service)
    end = service.client.get("/readyz").json()["log_end"]
    until_published(service, end)
    for view in app.views:
        assert in_order(view, of_file(service, f"FROM view_{view}")) == service.rows(view), view


def until_published(service: Service, position: str) -> None:
    """Wait until the file has seen a position; it must be there before it is too old."""
    from tests.end_to_end.analyst import until

    until(lambda: published(service) >= int(position.partition(":")[2]), 60)


def published(service: Service) -> int:
    if not (service.home / "analytics.duckdb").exists():
        return -1
    (row,) = of_file(service, "SELECT split_part(position, ':', 2)::BIGINT AS end FROM freshness LIMIT 1")
    end: int = row["end"]
    return end


def test_an_older_generation_can_be_asked_as_long_as_it_is_kept(service: Service) -> None:
    service.start()
    service.post("rides", [ride(n) for n in range(100)])
    batch(service)
    first = in_order("hourly", rows(service, "FROM view_hourly"))
    service.post("rides", [ride(n) for n in range(100, 180)])
    batch(service)
    assert in_order("hourly", rows(service, "FROM view_hourly_at(1)")) == first
    assert in_order("hourly", rows(service, "FROM view_hourly_at(2)")) == service.rows("hourly")
    assert rows(service, "SELECT generation, current, kept FROM generations ORDER BY 1") == [
        {"generation": 1, "current": False, "kept": True},
        {"generation": 2, "current": True, "kept": True},
    ]
    assert "kept are: 1, 2" in ask(service, "FROM view_hourly_at(7)", 422)["detail"]
    for path in (service.home / "generations").iterdir():
        os.utime(path, (0, 0))  # what is younger than a day stays
    for _ in range(2):
        batch(service)
    assert "kept are: 2, 3, 4" in ask(service, "FROM view_hourly_at(1)", 422)["detail"]


def test_events_are_there_once_archived_or_not(service: Service) -> None:
    service.start()
    service.post("rides", [ride(n, note="extra") for n in range(100)])
    service.post("rides", [ride(n) for n in range(100, 103)])
    batch(service)
    position = service.post("rides", [ride(n) for n in range(103, 150)])["position"]
    found = rows(service, "FROM events_rides ORDER BY _offset", after=position)
    logged = service.events("rides")
    assert [(row["_offset"], row["_time"], row["_appended"]) for row in found] == [
        (event["offset"], event["time"], event["appended"]) for event in logged
    ]
    assert [row["ride_id"] for row in found] == [event["id"] for event in logged]
    assert json.loads(found[0]["_data"])["note"] == "extra"
    ((bikes, at),) = ask(service, 'SELECT sum(bikes), min("at") FROM events_rides')["rows"]
    assert (bikes, at) == (150, "2024-05-01T00:00:00Z")


def test_everything_is_of_one_cut_however_it_is_asked(service: Service) -> None:
    service.start()
    both = (
        "SELECT (SELECT count(*) FROM events_rides) AS events, (SELECT coalesce(sum(n), 0) FROM view_hourly) AS tiles"
    )
    running: subprocess.Popen[bytes] | None = None
    for lot in range(12):
        position = service.post("rides", [ride(n) for n in range(50 * lot, 50 * lot + 50)])["position"]
        if running is None and lot % 4 == 1:
            running = service.batch()
        answer = ask(service, both, after=position)
        assert answer["rows"] == [[50 * lot + 50, 50 * lot + 50]]
        assert int(answer["speed_cut"].partition(":")[2]) >= int(position.partition(":")[2])
    assert running is not None
    assert running.wait(300) == 0
    assert ask(service, both)["rows"] == [[600, 600]]


def test_results_come_in_the_form_that_is_wanted(service: Service) -> None:
    service.start()
    service.post("rides", [ride(n, rider='a "b", c') for n in range(3)])
    body = {"sql": 'SELECT ride_id, bikes, "at", rider, [1, 2] AS list FROM events_rides ORDER BY _offset'}

    def response(accept: str) -> httpx.Response:
        found = service.client.post("/v1/sql", json=body, headers={"Accept": accept})
        assert found.status_code == 200, found.text
        assert found.headers["Anabranch-Truncated"] == "false"
        assert found.headers["Anabranch-Rows"] == "3"
        return found

    wanted = ["A0", "A1", "A2"]
    assert [row[0] for row in response("application/json").json()["rows"]] == wanted
    text = response("text/csv")
    assert text.headers["content-type"].startswith("text/csv")
    table = list(csv.reader(io.StringIO(text.text)))
    assert table[0] == ["ride_id", "bikes", "at", "rider", "list"]
    assert table[1] == ["A0", "1", "2024-05-01T00:00:00Z", 'a "b", c', "[1,2]"]
    stream = response("application/vnd.apache.arrow.stream").content
    assert pa.ipc.open_stream(stream).read_all()["ride_id"].to_pylist() == wanted
    assert (
        pq.read_table(io.BytesIO(response("application/vnd.apache.parquet").content))["ride_id"].to_pylist() == wanted
    )
    refused = service.client.post("/v1/sql", json=body, headers={"Accept": "image/png"})
    assert refused.status_code == 406
    assert "text/csv" in refused.json()["supported"]


def test_parameters_stand_for_values(service: Service) -> None:
    service.start()
    service.post("rides", [ride(n, station) for n in range(10) for station in "AB"])
    hostile = "A' OR true --"
    counted = "SELECT count(*) FROM events_rides WHERE station = $1"
    assert ask(service, counted, params=["A"])["rows"] == [[10]]
    assert ask(service, counted, params=[hostile])["rows"] == [[0]]
    assert ask(service, "SELECT $name || '!'", params={"name": "B"})["rows"] == [["B!"]]
    assert ask(service, counted, 422)["type"].endswith("sql-failed")
    assert ask(service, counted, 422, params="A")["type"].endswith("malformed-body")


def test_rejected_events_and_batch_runs_are_there(service: Service) -> None:
    service.start()
    service.post("rides", [ride(0), {"station": "A"}])
    batch(service)
    (found,) = rows(service, "SELECT stream, retried, errors, body FROM rejected")
    assert (found["stream"], found["retried"], json.loads(found["body"])) == ("rides", None, {"station": "A"})
    assert {error["field"] for error in found["errors"]} >= {"ride_id", "at"}
    (run,) = rows(service, "SELECT run, status, generation, stages[1].name AS stage FROM batch_runs")
    (told,) = service.client.get("/v1/batch/runs").json()["runs"]
    assert run == {"run": told["run"], "status": "published", "generation": 1, "stage": told["stages"][0]["name"]}


def test_every_column_says_what_it_means(service: Service) -> None:
    service.start()
    silent = "SELECT table_name, column_name FROM duckdb_columns() WHERE NOT internal AND comment IS NULL"
    assert ask(service, silent)["rows"] == []
    listed = "SELECT DISTINCT table_schema, table_type FROM information_schema.tables"
    assert ask(service, listed)["rows"] == [["main", "VIEW"]]
    assert ask(service, "SELECT count(*) FROM duckdb_tables()")["rows"] == [[0]]
    told = rows(
        service, "SELECT comment FROM duckdb_columns() WHERE table_name = 'view_ever' AND column_name = 'median'"
    )
    assert told == [{"comment": "quantile(minutes, 0.5, 0.01); within 1.00% of the exact answer"}]
    described = ask(service, "DESCRIBE view_ever")["rows"]
    assert [name for name, *_ in described] == ["station", "tile", *app.views["ever"].aggregates]


def test_the_command_line_needs_no_service(service: Service, tmp_path: Path) -> None:
    service.start()
    service.post("rides", [ride(n, station) for n in range(20) for station in "AB"])
    batch(service)
    service.post("rides", [ride(n, station) for n in range(20, 25) for station in "AB"])

    def told(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(service.command("sql", *words, str(APPLICATION)), capture_output=True, text=True)

    counted = "SELECT station, sum(n) AS rides FROM view_hourly GROUP BY ALL ORDER BY ALL"
    beside = told(counted, "--format", "csv")
    assert beside.stdout.split() == ["station,rides", "A,25", "B,25"], beside.stderr
    service.kill()
    alone = json.loads(told(counted, "--format", "json").stdout)
    assert alone["rows"] == [["A", 25], ["B", 25]]
    assert (alone["generation"], alone["truncated"]) == (1, False)
    assert "2 rows" in told(counted).stdout
    path = tmp_path / "result.parquet"
    assert told("SELECT * FROM events_rides", "--format", "parquet", "--output", str(path)).returncode == 0
    assert pq.read_metadata(path).num_rows == 50
    wrong = told("SELECT nothing")
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert "Binder Error" in wrong.stderr
    assert told("SELECT 1", "--format", "xml").stderr.startswith("anabranch: --format xml is none of")
