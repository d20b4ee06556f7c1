"""Tests stand where their module is, under its name; what is tested elsewhere says where, and why."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("anabranch", "eventlog", "batch", "speed", "serving", "infra")

ERRORS = "tests/test_error_trees.py", "messages and facts: their tree is checked, and each is raised where it belongs"
SCHEMAS = "tests/eventlog/registry/test_schemas.py", "a part of registering schemas, which is tested as a whole"
MIGRATIONS = "tests/contracts/test_schema_version.py", "on SQLite and PostgreSQL, from the tables of every release"
STORES = "tests/contracts/store.py", "the suite of the contract"
DECISIONS = "tests/eventlog/decisions/test_decision.py", "one table holds all of them, to the letter"
METRICS = "tests/serving/metrics/test_metrics.py", "a collector: it is scraped as a whole"
SNAPSHOTS = (
    "tests/serving/sql/snapshots/test_snapshots.py",
    "a part of a snapshot, which is held to the answers over HTTP",
)
PAGES = "tests/dashboard/test_doors.py", "who gets in, over HTTP; the pages themselves in tests/dashboard/browser"
LAKE_FILES = (
    "tests/eventlog/lake/test_data_file.py",
    "how a file is called, written and checked: one thing",
)
CONNECTIONS = "tests/hostile/test_connections.py", "connections of strangers, to a real service"
RETRACTION = "tests/hostile/test_clocks.py", "an event is taken out of everything at once, by the command"
DEMO = "tests/end_to_end/test_demo.py", "it starts a service and talks to it: there is nothing of it to test alone"

FIT = "tests/eventlog/identity/test_fit.py", "what does not fit, by everything that a store says of its log"
RESTORED = "tests/recovery/test_restored_log.py", "a real service on a database that was put back, and the command"

ELSEWHERE: dict[str, tuple[str, str]] = {
    "anabranch/errors.py": ERRORS,
    "anabranch/metric.py": ("tests/laws/test_metrics.py", "its three forms are held to each other"),
    "eventlog/decisions/batch_decisions.py": DECISIONS,
    "eventlog/decisions/event_retracted.py": RETRACTION,
    "eventlog/decisions/feature_sample.py": DECISIONS,
    "eventlog/decisions/model_decisions.py": DECISIONS,
    "eventlog/decisions/recorded_prediction.py": DECISIONS,
    "eventlog/errors.py": ERRORS,
    "eventlog/intake/body_limits.py": (
        "tests/eventlog/intake/test_bodies.py",
        "data: the bounds that bodies are held to",
    ),
    "eventlog/lake/table_reader.py": ("tests/eventlog/lake/test_delta_table.py", "what is read is what was written"),
    "eventlog/lake/data_file_writer.py": LAKE_FILES,
    "eventlog/lake/digests.py": LAKE_FILES,
    "eventlog/lake/file_name.py": LAKE_FILES,
    "eventlog/log/commit_outcome.py": ("tests/contracts/test_broken_commit.py", "connections are cut at COMMIT"),
    "eventlog/log/keyed_requests.py": ("tests/eventlog/log/test_repeated_appends.py", "what a repetition is told"),
    "eventlog/log/log.py": ("tests/contracts/log.py", "the contract: its suite runs on every backend"),
    "eventlog/log/memory_log.py": ("tests/contracts/test_memory_log.py", "the suite of the contract"),
    "eventlog/log/sql_log.py": ("tests/contracts/test_sql_log.py", "the suite of the contract, and more"),
    "eventlog/store/errors.py": ERRORS,
    "eventlog/store/folder_store.py": STORES,
    "eventlog/store/memory_store.py": STORES,
    "eventlog/store/object_store.py": STORES,
    "eventlog/store/store.py": ("tests/contracts/store.py", "the contract: its suite runs on every store"),
    "eventlog/registry/leases.py": ("tests/contracts/test_leases.py", "one suite for the database and its twin"),
    "eventlog/registry/migrations/env.py": MIGRATIONS,
    "eventlog/registry/schema_description.py": SCHEMAS,
    "eventlog/identity/generations.py": FIT,
    "eventlog/identity/plan.py": ("tests/eventlog/identity/test_rewriting.py", "a plan is found and carried out"),
    "eventlog/identity/record_digest.py": FIT,
    "eventlog/identity/store_name.py": FIT,
    "eventlog/log/identity.py": ("tests/contracts/log.py", "every log has one"),
    "eventlog/log/misfit.py": FIT,
    "eventlog/registry/schema_version.py": MIGRATIONS,
    "eventlog/registry/stored_fit.py": SCHEMAS,
    "eventlog/registry/tables.py": MIGRATIONS,
    "batch/errors.py": ERRORS,
    "batch/models/replay_task.py": ("tests/batch/models/test_replay.py", "what a worker is asked and answers: data"),
    "batch/views/published_table.py": ("tests/batch/views/test_publish.py", "the reading side of what is published"),
    "batch/views/slice_fold.py": ("tests/batch/views/test_roads.py", "which of the two folds it takes changes nothing"),
    "batch/take_over.py": ("tests/infra/test_take_over.py", "a home of the release before, opened as any process does"),
    "batch/views/view_tiles.py": ("tests/batch/views/test_index_file.py", "the tiles of an index, by key"),
    "speed/base_layer.py": ("tests/infra/test_published_layer.py", "a Protocol; what fulfils it"),
    "speed/blend/second_order.py": ("tests/laws/test_blends.py", "the laws of all blends, of which two extend it"),
    "speed/errors.py": ERRORS,
    "speed/page_reading.py": (
        "tests/speed/test_state_reader.py",
        "pages, by the reader; long ones in test_tile_groups",
    ),
    "speed/reader.py": ("tests/speed/test_state_reader.py", "a Protocol; what both of its implementations share"),
    "serving/api.py": ("tests/end_to_end/test_api_description.py", "all routes, over HTTP"),
    "serving/dashboard/files.py": PAGES,
    "serving/dashboard/login.py": PAGES,
    "serving/dashboard/pages.py": PAGES,
    "serving/dashboard/snapshot.py": ("tests/dashboard/test_snapshot.py", "the tests of the dashboard stand together"),
    "serving/errors.py": ERRORS,
    "serving/http/openapi.py": (
        "tests/end_to_end/test_api_description.py",
        "what it describes is held to what happens",
    ),
    "serving/metrics/batch_metrics.py": METRICS,
    "serving/metrics/model_metrics.py": METRICS,
    "serving/metrics/request_metrics.py": METRICS,
    "serving/metrics/state_metrics.py": METRICS,
    "serving/models/model_status.py": ("tests/serving/routes/test_models.py", "what the routes of models answer"),
    "serving/routes/rejected.py": ("tests/serving/routes/test_events.py", "what was rejected is posted there first"),
    "serving/routes/streams.py": ("tests/end_to_end/test_streams.py", "over HTTP, beside what was posted"),
    "serving/service.py": ("tests/serving/conftest.py", "data: what the API is made of, made by every test of it"),
    "serving/sql/relations/events_relation.py": (
        "tests/serving/sql/relations/test_stored_value.py",
        "every type of field as its column",
    ),
    "serving/sql/relations/relation.py": SNAPSHOTS,
    "serving/sql/relations/relations.py": (
        "tests/serving/sql/relations/test_system_relations.py",
        "the list of all relations",
    ),
    "serving/sql/relations/snapshot_contents.py": SNAPSHOTS,
    "serving/sql/relations/view_relations.py": SNAPSHOTS,
    "serving/sql/sandbox/runner.py": (
        "tests/serving/sql/test_runner_pool.py",
        "a process: it is asked through its pool",
    ),
    "serving/sql/snapshots/catalog.py": SNAPSHOTS,
    "serving/sql/snapshots/overlay.py": SNAPSHOTS,
    "serving/sql/snapshots/published_tables.py": SNAPSHOTS,
    "infra/analytics/snapshot_writer.py": (
        "tests/infra/analytics/test_analytics.py",
        "a process, asked by who starts it",
    ),
    "infra/analytics/sql_command.py": ("tests/end_to_end/test_sql.py", "the command"),
    "infra/demo/demo.py": DEMO,
    "infra/demo/model_display.py": DEMO,
    "infra/demo/shows.py": DEMO,
    "infra/demo/stage.py": DEMO,
    "infra/demo/traffic.py": DEMO,
    "infra/demo/view_display.py": DEMO,
    "infra/errors.py": ERRORS,
    "infra/fit_watch.py": RESTORED,
    "infra/restore_command.py": RESTORED,
    "infra/retract_command.py": RETRACTION,
    "infra/server/server.py": CONNECTIONS,
    "infra/terminal.py": ("tests/infra/test_progress_display.py", "the console that everything is printed to"),
    "infra/verify/served.py": ("tests/end_to_end/test_verify.py", "what is served, by a real service"),
    "infra/verify/stored.py": ("tests/hostile/test_damaged_files.py", "every file of a home, damaged in five ways"),
    "infra/verify/verification.py": ("tests/end_to_end/test_verify.py", "the command"),
}
"""By module, the file that tests it, and why that is not the file of its own name."""


def modules() -> Iterator[Path]:
    """Every module with something to test, from the root on."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            relative = path.relative_to(ROOT)
            if path.name not in ("__init__.py", "__main__.py") and "versions" not in relative.parts:
                yield relative


def own_test(module: Path) -> Path:
    """Where the tests of a module belong.

    >>> own_test(Path("batch/views/tile_block.py")).as_posix()
    'tests/batch/views/test_tile_block.py'
    """
    return Path("tests") / module.parent / f"test_{module.name}"


def test_every_module_has_tests_of_its_name_or_says_where_they_are() -> None:
    without = [str(m) for m in modules() if not (ROOT / own_test(m)).is_file() and str(m) not in ELSEWHERE]
    assert without == [], "write tests/…/test_<module>.py, or say in `ELSEWHERE` which file tests it, and why"


@pytest.mark.parametrize("module", ELSEWHERE)
def test_what_is_tested_elsewhere_is_there_and_has_no_tests_of_its_name(module: str) -> None:
    file, _ = ELSEWHERE[module]
    assert (ROOT / module).is_file(), "it is gone: take it from the list"
    assert (ROOT / file).is_file(), f"{file} is gone: say what tests it now"
    assert not (ROOT / own_test(Path(module))).is_file(), "it has tests of its name now: take it from the list"
