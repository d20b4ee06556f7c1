"""What strangers may send to ``POST /v1/sql``, and what comes of it: never more than a problem."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.end_to_end.conftest import APPLICATION, ride
from tests.end_to_end.hostile_statements import FILES, GREEDY, SETTINGS, WRITES
from tests.service import Service

SECONDS = 2.0
"""How long a statement may run."""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service(
        APPLICATION,
        tmp_path_factory.mktemp("sandbox") / "home",
        ANABRANCH_SQL_TIMEOUT=f"{SECONDS:g}s",
        ANABRANCH_ANALYTICS_REFRESH="1h",  # who makes snapshots is at work before a statement has so little time
        ANABRANCH_SQL_MEMORY="150000000",
        ANABRANCH_SQL_ROWS="1000",
        ANABRANCH_SECRET="a secret of the environment",
    )
    service.start()
    service.post("rides", [ride(n) for n in range(2_000)])
    assert service.batch().wait(300) == 0
    service.post("rides", [ride(n) for n in range(2_000, 2_100)])
    yield service
    service.close()


def post(service: Service, sql: str) -> httpx.Response:
    return service.client.post("/v1/sql", json={"sql": sql})


def check_alive(service: Service) -> None:
    """The service answers as ever, over SQL and otherwise."""
    answer = post(service, "SELECT count(*), (SELECT sum(n)::BIGINT FROM view_hourly) FROM events_rides")
    assert answer.status_code == 200, answer.text
    assert answer.json()["rows"] == [[2_100, 2_100]]
    assert service.client.get("/v1/views/long").status_code == 200


def files_of(service: Service) -> dict[str, str]:
    """The digest of every file that statements could reach."""
    paths = [path for name in ("lake", "generations", "blobs") for path in (service.home / name).rglob("*")]
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths if path.is_file()}


@pytest.mark.parametrize("sql", [*FILES, *WRITES, *SETTINGS], ids=lambda sql: sql[:60].replace("\n", " "))
def test_what_would_do_more_than_read_is_refused(service: Service, sql: str) -> None:
    data = next((service.home / "lake" / "rides").glob("*.parquet"))
    before = files_of(service)
    answer = post(service, sql.replace("{home}", str(service.home)).replace("{file}", str(data)))
    assert answer.status_code in (403, 422), answer.text
    problem = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["type"] in ("urn:anabranch:problem:sql-refused", "urn:anabranch:problem:sql-failed")
    assert problem["detail"]
    assert "root:" not in answer.text
    assert "a secret" not in answer.text
    assert "{" in sql or str(service.home) not in answer.text
    assert files_of(service) == before
    check_alive(service)


@pytest.mark.parametrize("sql", GREEDY, ids=lambda sql: sql[:60])
def test_what_takes_too_much_is_stopped_in_time(service: Service, sql: str) -> None:
    began = service.client.get("/healthz").elapsed
    answer = post(service, sql)
    told = answer.json()
    if answer.status_code == 200:  # it may also be quick after all, or be cut down
        assert len(answer.content) < 40_000_000
    else:
        assert answer.status_code in (422, 504), answer.text
        assert told["type"].rpartition(":")[2] in ("sql-too-long", "sql-too-large", "sql-failed")
        assert "Stack Trace" not in answer.text
    assert answer.elapsed.total_seconds() < SECONDS + 15, began
    check_alive(service)


def test_the_service_answers_others_while_statements_run_wild(service: Service) -> None:
    wild = [threading.Thread(target=post_alone, args=(service, sql)) for sql in GREEDY[:4]]
    for thread in wild:
        thread.start()
    slowest = 0.0
    while any(thread.is_alive() for thread in wild):
        response = service.client.get("/v1/views/hourly", params={"station": "A"})
        assert response.status_code == 200
        slowest = max(slowest, response.elapsed.total_seconds())
    assert slowest < 5.0
    check_alive(service)


def post_alone(service: Service, sql: str) -> None:
    httpx.post(f"http://127.0.0.1:{service.port}/v1/sql", json={"sql": sql}, timeout=60)


def test_too_many_at_once_are_told_to_come_back(service: Service) -> None:
    answers: list[httpx.Response] = []

    def ask() -> None:
        slow = "SELECT count(*) FROM range(1000000000000)"
        answers.append(httpx.post(f"http://127.0.0.1:{service.port}/v1/sql", json={"sql": slow}, timeout=120))

    threads = [threading.Thread(target=ask) for _ in range(13)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    busy = [answer for answer in answers if answer.status_code == 503]
    assert len(busy) == 3
    assert {answer.json()["type"] for answer in busy} == {"urn:anabranch:problem:sql-busy"}
    assert busy[0].headers["Retry-After"] == "1"
    assert {answer.status_code for answer in answers if answer not in busy} == {504}
    check_alive(service)


def test_rows_beyond_the_limit_are_left_out_and_that_is_said(service: Service) -> None:
    told = post(service, "SELECT * FROM range(1000000)").json()
    assert (told["truncated"], told["row_count"], len(told["rows"])) == (True, 1_000, 1_000)
    told = post(service, "SELECT * FROM range(1000)").json()
    assert (told["truncated"], told["row_count"]) == (False, 1_000)
    headers = {"Accept": "text/csv"}
    answer = service.client.post("/v1/sql", json={"sql": "FROM range(1001)"}, headers=headers)
    assert (answer.headers["Anabranch-Truncated"], answer.headers["Anabranch-Rows"]) == ("true", "1000")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1",
        "select 1;",
        "/* a */ SELECT 1 -- b",
        "FROM events_rides LIMIT 1",
        "TABLE view_hourly",
        "VALUES (1)",
        "SHOW TABLES",
        "DESCRIBE view_hourly",
        "DESCRIBE SELECT 1",
        "SUMMARIZE view_hourly",
        "EXPLAIN SELECT 1",
        "EXPLAIN ANALYZE SELECT count(*) FROM view_hourly",
        "EXPLAIN (FORMAT json) SELECT 1",
        "WITH RECURSIVE r AS (SELECT 1 AS a UNION ALL SELECT a + 1 FROM r WHERE a < 9) SELECT max(a) FROM r",
        "SELECT station, count(*) FROM events_rides GROUP BY ALL UNION ALL SELECT 'x', 0 ORDER BY 1",
        "SELECT * FROM view_hourly_at(1) LIMIT 1",
        "SELECT unnest([1, 2]), s FROM generate_series(1, 2) AS t(s)",
        "PIVOT (SELECT station, bikes FROM events_rides) ON station IN ('A', 'B') USING sum(bikes)",
        "SELECT n FROM events_rides e ASOF JOIN view_hourly v ON e.station = v.station AND e._time >= v.tile LIMIT 1",
        "SELECT list_transform([1], lambda x: x + 1), _data ->> '$.station' FROM events_rides LIMIT 1",
        "SELECT comment FROM duckdb_columns() WHERE table_name = 'freshness'",
        "SELECT quantile_cont(minutes, 0.5) OVER (PARTITION BY station) FROM events_rides LIMIT 1",
    ],
)
def test_what_only_reads_may_run(service: Service, sql: str) -> None:
    answer = post(service, sql)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "malformed-body"),
        (b"[]", "malformed-body"),
        (b'{"sql": 1}', "malformed-body"),
        (b'{"sql": "SELECT 1", "limit": 1}', "malformed-body"),
        (b'{"sql": "SELECT 1", "params": 1}', "malformed-body"),
        (b'{"sql": "SELECT"}', "sql-failed"),
        (b'{"sql": "SELECT nothing"}', "sql-failed"),
        (b'{"sql": "SELECT * FROM nowhere"}', "sql-failed"),
        (b'{"sql": "SELECT 1::TINYINT + 1000::TINYINT"}', "sql-failed"),
        (b'{"sql": "SELECT \'1\'::BIT"}', "sql-failed"),
    ],
)
def test_what_is_wrong_is_said(service: Service, body: bytes, problem: str) -> None:
    answer = service.client.post("/v1/sql", content=body, headers={"Content-Type": "application/json"})
    assert answer.json()["type"] == f"urn:anabranch:problem:{problem}"
    assert answer.status_code == 422


def test_a_body_must_be_json_and_of_reasonable_size(service: Service) -> None:
    assert service.client.post("/v1/sql", data={"sql": "SELECT 1"}).status_code == 415
    assert post(service, "SELECT 1 -- " + "x" * 1_000_000).status_code == 413
    assert service.client.get("/v1/sql").status_code == 405


def test_values_of_every_type_have_a_form_in_json(service: Service) -> None:
    told: dict[str, Any] = post(
        service,
        "SELECT NULL AS n, true AS b, 12345678901234567890123456789::HUGEINT AS h, 1.50::DECIMAL(9, 2) AS d,"
        " 'nan'::DOUBLE AS nan, DATE '2024-02-29' AS day, TIME '10:00:01' AS t,"
        " TIMESTAMP '2024-02-29 10:00:00' AS naive, TIMESTAMPTZ '2024-02-29 10:00:00+01' AS aware,"
        " INTERVAL '1 month 2 days 3 seconds' AS i, '\\xC3\\xA4'::BLOB AS blob,"
        " {'a': [1, NULL]} AS s, MAP {'k': 1.5} AS m, 'x'::ENUM('x', 'y') AS e, '{\"a\": 1}'::JSON AS j,"
        " [TIMESTAMPTZ '2024-02-29 10:00:00+00'] AS l, 'infinity'::TIMESTAMPTZ AS never",
    ).json()
    assert "rows" in told, told
    (row,) = told["rows"]
    assert dict(zip((column["name"] for column in told["columns"]), row, strict=True)) == {
        "n": None,
        "b": True,
        "h": 12345678901234567890123456789,
        "d": 1.5,
        "nan": None,
        "day": "2024-02-29",
        "t": "10:00:01",
        "naive": "2024-02-29T10:00:00",
        "aware": "2024-02-29T09:00:00Z",
        "i": "P1M2DT3S",
        "blob": "c3a4",
        "s": {"a": [1, None]},
        "m": {"k": 1.5},
        "e": "x",
        "j": '{"a": 1}',
        "l": ["2024-02-29T10:00:00Z"],
        "never": "infinity",
    }


def test_nobody_but_who_has_the_key_may_ask(tmp_path: Path) -> None:
    service = Service(APPLICATION, tmp_path / "home", ANABRANCH_API_KEY="key")
    service.client.headers["Authorization"] = "Bearer key"
    service.start()
    try:
        assert post(service, "SELECT 1").status_code == 200
        service.client.headers.pop("Authorization")
        assert post(service, "SELECT 1").status_code == 401
    finally:
        service.close()
