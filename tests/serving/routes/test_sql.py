"""The form of a result that a client accepts."""

from __future__ import annotations

import pytest

from serving.routes.sql import _wanted
from serving.sql.errors import NotAcceptableError


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        (None, "application/json"),
        ("*/*", "application/json"),
        ("text/csv", "text/csv"),
        ("text/html, application/xhtml+xml, */*;q=0.8", "application/json"),
        ("text/csv;q=0.5, application/vnd.apache.parquet;q=0.9", "application/vnd.apache.parquet"),
        ("application/json;q=0, text/*", "text/csv"),
        ("Application/VND.apache.arrow.stream; q=x, text/csv;q=0.1", "text/csv"),
    ],
)
def test_the_form_that_is_wanted_most_is_taken(accept: str | None, wanted: str) -> None:
    assert _wanted(accept) == wanted


@pytest.mark.parametrize("accept", ["image/png", "text/csv;q=0", "text/html, image/*"])
def test_a_form_that_there_is_not_is_refused(accept: str) -> None:
    with pytest.raises(NotAcceptableError, match="text/csv"):
        _wanted(accept)
