"""Plain statements of analysts, which no wall may be in the way of: each has an answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from serving.sql.sandbox import result_rows
from serving.sql.sandbox.sandbox import Sandbox, StatementLimits

EXPRESSIONS = """
abs(-x); ceil(y); floor(y); round(y, 1); sqrt(x); ln(y + 1); log10(y + 1); exp(y); power(x, 2); x % 3; x // 2; x ** 2
sign(x); greatest(x, 1); least(x, y); gcd(x, 6); isfinite(y); nextafter(y, 1.0); pi(); degrees(y); atan2(y, 1)
bit_count(x); lower(s); upper(s); length(s); substr(s, 1, 2); s || 'x'; concat_ws('-', s, x); replace(s, 'a', 'b')
trim(s); lpad(s, 5, '0'); split_part(s, '-', 1); string_split(s, '-'); regexp_matches(s, 'a.*')
regexp_extract(s, '(a)', 1); regexp_replace(s, 'a', ''); s LIKE 'a%'; s ILIKE 'A%'; s GLOB 'a*'; s SIMILAR TO 'a.*'
starts_with(s, 'a'); contains(s, 'a'); strip_accents(s); reverse(s); md5(s); sha256(s); hash(x); base64(s::BLOB)
hex(s); encode(s); levenshtein(s, 'ab'); jaccard(s, 'ab'); format('{}', x); printf('%d', x); chr(65); ascii(s)
unicode(s); translate(s, 'a', 'b'); left(s, 1); right(s, 1); position('a' IN s); bar(x, 0, 9); year(t); month(t)
day(t); hour(t); dayname(t); isodow(t); week(t); quarter(t); epoch(t); epoch_ms(t); date_trunc('hour', t)
date_part('dow', t); date_diff('day', t, now()); t + INTERVAL 1 day; t - INTERVAL '90 minutes'; t::DATE
t::TIMESTAMP::TIME; age(t); time_bucket(INTERVAL 1 hour, t); strftime(t, '%Y-%m'); strptime('2024-01-01', '%Y-%m-%d')
make_date(2024, 1, 2); last_day(t); t AT TIME ZONE 'Europe/Berlin'; timezone('UTC', t); to_timestamp(0)
make_timestamp(2024, 1, 1, 0, 0, 0.0); current_date; today(); now() > t; current_timestamp > t
get_current_timestamp() > t; to_days(3); to_seconds(90); extract('minute' FROM t); century(t); [x, 2]
list_value(1, 2); list_sort([3, 1]); list_transform([1], lambda e: e + 1); list_filter([1, 2], lambda e: e > 1)
len([1]); list_sum([1, 2]); list_aggregate([1, 2], 'max'); [e * 2 FOR e IN [1, 2]]; list_contains([1], 1); unnest([1])
range(3); flatten([[1]]); list_distinct([1, 1]); list_zip([1], [2]); list_reduce([1, 2], lambda a, b: a + b)
array_slice([1, 2], 1, 1); [1, 2][1]; l[1:2]; {'a': x}; {'a': x}.a; struct_pack(a := 1); row(1, 2)
struct_insert({'a': 1}, b := 2); struct_extract({'a': 1}, 'a'); m['k']; MAP {'k': 1}; map_keys(m); map_values(m)
map_entries(m); cardinality(m); map_from_entries([('a', 1)]); element_at(m, 'k'); j -> '$.a'; j ->> '$.a'
json_extract(j, '$.a'); json_extract_string(j, '$.a'); json_type(j); json_keys(j); json_array_length('[1]')
json_object('a', 1); to_json({'a': 1}); json_valid('x'); from_json(j, '{"a": "BIGINT"}'); json_structure(j)
json_exists(j, '$.a'); CASE WHEN x > 1 THEN 'a' ELSE 'b' END; coalesce(NULL, x); nullif(x, 1); if(x > 1, 1, 0)
ifnull(NULL, 1); x IS NULL; x BETWEEN 1 AND 2; x IN (1, 2); x::VARCHAR; TRY_CAST(s AS INTEGER); typeof(x)
x IS DISTINCT FROM 1; NOT x > 1; (SELECT max(x) FROM t); EXISTS (FROM t); random() < 2; uuid() IS NOT NULL
gen_random_uuid() IS NOT NULL; version(); current_database(); current_schema(); hash(s) % 10
enum_range(NULL::ENUM ('a')); 'a'::ENUM ('a', 'b'); '1.5'::DECIMAL(9, 2); x::HUGEINT; 'x'::BLOB
UUID '00000000-0000-0000-0000-000000000001'; to_base(x, 2); bin(x); format_bytes(x); formatReadableSize(x)
url_encode(s); parse_path('a/b'); greatest_common_divisor(x, 2); sum(x) OVER (); row_number() OVER (ORDER BY x)
rank() OVER (ORDER BY x); lag(x) OVER (ORDER BY x); ntile(2) OVER (ORDER BY x); first_value(x) OVER (ORDER BY x)
avg(y) OVER (ORDER BY x ROWS 2 PRECEDING); percent_rank() OVER (ORDER BY x); nth_value(x, 1) OVER ()
"""
AGGREGATES = """
count(*); count(DISTINCT s); sum(x); avg(y); min(s); max(t); median(y); mode(s); stddev(y); variance(y)
quantile_cont(y, 0.9); quantile_disc(x, [0.1, 0.9]); approx_quantile(y, 0.5); approx_count_distinct(s); arg_max(s, x)
first(s ORDER BY x); any_value(s); list(x ORDER BY x); string_agg(s, ','); histogram(x); bool_and(x > 0); bit_or(x)
corr(x, y); regr_slope(y, x); entropy(x); mad(y); count(*) FILTER (x > 1); sum(x) / count(*); max_by(s, x); min(x, 2)
approx_top_k(s, 2); product(x); kurtosis(y); skewness(y); fsum(y); json_group_array(x); json_group_object(s, x)
reservoir_quantile(y, 0.5); covar_pop(x, y); geomean(y + 1); count_if(x > 1); sem(y)
"""
QUERIES = """
FROM t; TABLE t; SELECT * EXCLUDE (s) FROM t; SELECT * REPLACE (x + 1 AS x) FROM t; SELECT COLUMNS('x|y') FROM t
VALUES (1), (2); SELECT DISTINCT ON (s) s, x FROM t ORDER BY s, x; FROM t USING SAMPLE 2; FROM t LIMIT 1 OFFSET 1
FROM t LIMIT 50%; DESCRIBE t; SELECT s, sum(x) FROM t GROUP BY ALL ORDER BY ALL
SELECT s, sum(x) FROM t GROUP BY ROLLUP (s); SELECT s, x, count(*) FROM t GROUP BY CUBE (s, x)
SELECT s FROM t GROUP BY s HAVING count(*) > 0; FROM t QUALIFY row_number() OVER (PARTITION BY s ORDER BY x) = 1
SUMMARIZE t; SHOW TABLES; FROM t AS a JOIN t AS b USING (x); FROM t AS a LEFT JOIN t AS b ON a.x = b.x + 1
FROM t AS a ASOF JOIN t AS b ON a.s = b.s AND a.t >= b.t; FROM t SEMI JOIN (SELECT 1 AS x) USING (x)
FROM t ANTI JOIN (SELECT 1 AS x) USING (x); FROM t, LATERAL (SELECT t.x + 1); FROM t POSITIONAL JOIN t AS u
SELECT x FROM t UNION SELECT 1; SELECT x FROM t EXCEPT SELECT 1; SELECT x FROM t INTERSECT SELECT 1
FROM t UNION ALL BY NAME SELECT 1 AS z; WITH a AS (FROM t), b AS MATERIALIZED (FROM a) FROM b
WITH RECURSIVE r AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM r WHERE i < 5) FROM r
PIVOT t ON s IN ('a', 'b') USING sum(x); UNPIVOT (SELECT x, y FROM t) ON x, y INTO NAME n VALUE v; FROM range(3)
FROM generate_series(1, 3); SELECT unnest(l), unnest({'a': 1}) FROM t; FROM unnest([1, 2]) AS u(e)
FROM json_each('{"a": 1}'); FROM repeat(1, 3); FROM twice(2); FROM numbers; FROM information_schema.columns
FROM information_schema.tables; FROM duckdb_columns(); FROM duckdb_tables(); FROM duckdb_views(); FROM duckdb_types()
FROM pragma_table_info('t'); SHOW ALL TABLES; DESCRIBE SELECT 1; FROM histogram_values(t, x); FROM histogram(t, x)
FROM pragma_version(); FROM pg_views; EXPLAIN FROM t; EXPLAIN ANALYZE SELECT sum(x) FROM t
EXPLAIN (FORMAT json) FROM t; /* é ( */ EXPLAIN /* ü */ SELECT 1; SELECT 'a;b', ';--'; SELECT $$x;y$$
FROM t WHERE (x, s) IN (SELECT x, s FROM t); FROM t WHERE x > ALL (SELECT 0)
SELECT x, (SELECT count(*) FROM t AS u WHERE u.x <= t.x) FROM t
"""


def listed(text: str) -> list[str]:
    return [part.strip() for line in text.strip().splitlines() for part in line.split("; ")]


PLAIN = [
    *(f"SELECT {expression} FROM t" for expression in listed(EXPRESSIONS)),
    *(f"SELECT {aggregate} FROM t" for aggregate in listed(AGGREGATES)),
    *listed(QUERIES),
]


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    path = tmp_path_factory.mktemp("plain") / "snapshot.duckdb"
    with duckdb.connect(path) as connection:
        connection.execute(
            "CREATE VIEW t AS SELECT * FROM (VALUES"
            " (1, 0.5::DOUBLE, 'a-b', TIMESTAMPTZ '2024-01-01 10:00:00Z', [1, 2], MAP {'k': 1}, '{\"a\": 1}'::JSON),"
            " (2, 1.5, 'b', TIMESTAMPTZ '2024-02-29 00:00:00Z', [3], MAP {'k': 2}, '{\"a\": 2}'))"
            " AS v(x, y, s, t, l, m, j);"
            " CREATE VIEW numbers AS FROM range(10); CREATE MACRO twice(n) AS TABLE SELECT 2 * n AS n"
        )
    with closing(Sandbox(str(path), [], StatementLimits(), str(Path(path).parent / "scratch"))) as sandbox:
        yield sandbox


def test_there_are_more_than_two_hundred() -> None:
    assert len(set(PLAIN)) > 200


@pytest.mark.parametrize("sql", PLAIN)
def test_a_plain_statement_has_an_answer(sandbox: Sandbox, sql: str) -> None:
    with sandbox.run(sql, []) as relation:
        result_rows.as_csv(result_rows.read(relation, 1_000, 10**7), {})
