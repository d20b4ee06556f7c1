"""Plain values on their way back from SQL, and into answers."""

import duckdb
import pytest

from anabranch.agg.plain import answer_sql, presented, restored
from anabranch.field import Kind


@pytest.mark.parametrize("kind", ["integer", "number", "boolean", "text", "instant", "other"])
def test_nothing_stays_nothing(kind: Kind) -> None:
    assert restored(kind, None) is None
    assert presented(kind, None) is None


def test_numpy_s_numbers_become_python_s() -> None:
    numpy = pytest.importorskip("numpy")
    assert type(restored("integer", numpy.int64(3))) is int
    assert type(restored("number", numpy.float64(3))) is float
    assert type(restored("boolean", numpy.bool_(True))) is bool


def test_sql_shows_what_python_shows() -> None:
    (zero, text, time) = (
        duckdb.execute(
            f"SELECT ({answer_sql('number', '-0.0::DOUBLE')})::VARCHAR, {answer_sql('text', chr(39) * 2)},"
            f" epoch_us({answer_sql('instant', '-1::BIGINT')})"
        ).fetchone()
        or (None,) * 3
    )
    assert (zero, text, time) == (str(presented("number", -0.0)), "", -1)
