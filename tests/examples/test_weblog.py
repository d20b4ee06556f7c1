from __future__ import annotations

import pytest

from tests.examples.conftest import Example


def test_traffic_equals_a_query_on_the_file(weblog: Example) -> None:
    answers = weblog.answers(weblog.app.views["traffic"])
    expected = weblog.sql(
        """
        WITH hours AS (
            SELECT date_trunc('hour', time) AS hour, count(*) AS requests, count(DISTINCT visitor) AS visitors,
                   count(*) FILTER (WHERE status = 404) AS missing, count(*) FILTER (WHERE status >= 500) AS failed,
                   list_sort(list(bytes) FILTER (WHERE bytes IS NOT NULL)) AS sizes,
                   list_sort(list(bytes) FILTER (WHERE bytes IS NOT NULL AND status >= 400)) AS error_sizes
            FROM data GROUP BY ALL
        )
        SELECT strftime(hour, '%Y-%m-%dT%H:%M:%SZ'), requests, visitors, missing, failed,
               sizes[floor(0.5 * (len(sizes) - 1))::BIGINT + 1], sizes[floor(0.99 * (len(sizes) - 1))::BIGINT + 1],
               error_sizes[floor(0.9 * (len(error_sizes) - 1))::BIGINT + 1]
        FROM hours
        """
    )
    assert len(answers) == len(expected) > 80
    for tile, requests, visitors, missing, failed, *quantiles in expected:
        answer = answers[(tile,)]
        counts = [answer[name] for name in ("requests", "visitors", "missing", "failed")]
        assert counts == [requests, visitors, missing, failed]
        for name, exact in zip(("median_bytes", "p99_bytes", "error_bytes_p90"), quantiles, strict=True):
            assert answer[name] == (None if exact is None else pytest.approx(exact, rel=0.0101))


def test_the_top_pages_of_every_day_equal_a_query_on_the_file(weblog: Example) -> None:
    answers = weblog.answers(weblog.app.views["pages"])
    for name, column, most in (("pages", "path", 20), ("referrers", "referrer", 5)):
        rows = weblog.sql(
            f"""
            SELECT strftime(date_trunc('day', time), '%Y-%m-%dT%H:%M:%SZ') AS day, {column}, count(*) AS requests
            FROM data WHERE status = 200 AND {column} IS NOT NULL
            GROUP BY ALL ORDER BY day, requests DESC, {column}
            """
        )
        for (tile,), answer in answers.items():
            of_day = [{"value": value, "count": count} for day, value, count in rows if day == tile]
            assert answer[name] == of_day[:most]
    assert len(answers) == 4


def test_errors_equal_a_query_on_the_file(weblog: Example) -> None:
    answers = weblog.answers(weblog.app.views["errors"])
    expected = weblog.sql("SELECT status, count(*) FROM data WHERE status >= 400 GROUP BY ALL")
    assert {key[0]: answer["requests"] for key, answer in answers.items()} == dict(expected)
    paths = weblog.sql(
        "SELECT path, count(*) AS n FROM data WHERE status = 404 GROUP BY ALL ORDER BY n DESC, path LIMIT 5"
    )
    assert answers[(404, None)]["paths"] == [{"value": path, "count": count} for path, count in paths]
