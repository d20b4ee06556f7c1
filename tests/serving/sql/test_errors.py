"""Errors of queries on their way from a runner to the desk."""

from __future__ import annotations

import orjson
import pytest

from serving.sql.errors import (
    SqlError,
    SqlFailedError,
    SqlRefusedError,
    SqlTooLargeError,
    SqlTooLongError,
    SqlUnavailableError,
    error_of,
    told,
)


@pytest.mark.parametrize(
    "error",
    [
        SqlRefusedError("file", "no"),
        SqlFailedError("no"),
        SqlTooLongError(3.0),
        SqlTooLargeError("no"),
        SqlUnavailableError("no"),
    ],
)
def test_an_error_survives_the_way_to_another_process(error: SqlError) -> None:
    again = error_of(orjson.loads(orjson.dumps(told(error))))
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))
