"""The list of batch runs, page by page."""

from __future__ import annotations

from tests.serving.conftest import Home


def test_runs_are_listed_page_by_page_though_several_began_at_once(home: Home) -> None:
    for number in range(7):  # all at the same time, by the clock of the tests
        home.service.runs.start(f"run-{number}", full=False, pid=None)
    found: list[str] = []
    answer = home.get("/v1/batch/runs", limit=3)
    while True:
        found += [run["run"] for run in answer["runs"]]
        if answer["next"] is None:
            break
        answer = home.get("/v1/batch/runs", limit=3, next=answer["next"])
    assert found == [f"run-{number}" for number in reversed(range(7))]
    home.get("/v1/batch/runs", 404, next="run-99")


def test_no_limit_makes_a_page_of_runs_endless(home: Home) -> None:
    for number in range(1_003):
        home.service.runs.start(f"run-{number:04d}", full=False, pid=None)
    answer = home.get("/v1/batch/runs", limit=100_000)
    assert len(answer["runs"]) == 1_000
    assert len(home.get("/v1/batch/runs", limit=100_000, next=answer["next"])["runs"]) == 3
