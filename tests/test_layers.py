"""Who may import whom: the table of layers, and the one address of every library."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

ALLOWED: dict[str, set[str]] = {
    "anabranch": set(),
    "eventlog": {"anabranch"},
    "batch": {"anabranch", "eventlog"},
    "speed": {"anabranch", "eventlog"},
    "serving": {"anabranch", "eventlog", "batch", "speed"},
    "infra": {"anabranch", "eventlog", "batch", "speed", "serving"},
    "examples": {"anabranch"},
}
"""Which of our packages each package may import, besides itself."""

ADDRESSES: dict[str, set[str]] = {
    "dask": {"batch"},
    "distributed": {"batch"},
    "sqlalchemy": {"eventlog"},
    "alembic": {"eventlog"},
    "psycopg": {"eventlog"},
    "deltalake": {"eventlog"},
    "obstore": {"eventlog"},
    "fastapi": {"serving"},
    "fastapi_offline": {"serving"},
    "starlette": {"serving"},
    "uvicorn": {"infra"},
    "typer": {"infra"},
    "rich": {"infra"},
    "pydantic_settings": {"infra"},
    "river": {"speed", "examples"},
    "lightgbm": {"batch", "examples"},
    "sklearn": {"batch", "examples"},
    "skops": {"batch"},
    "threadpoolctl": {"batch"},
    "datasketches": {"anabranch"},
}
"""The only packages that may import each library."""

ROOMS: dict[str, set[str]] = {
    "duckdb": {
        "batch.duckdb_session",  # sessions, and names and texts as SQL
        "batch.views.sql_fold",  # types alone
        "batch.views.python_fold",  # types alone
        "serving.sql",  # what strangers ask
        "infra.analytics.sql_command",  # the same, from a shell
        "infra.verify.recount",  # the judge shares no code with what it judges
    },
    "pyarrow": {
        "eventlog.intake.arrow_bodies",
        "eventlog.intake.arrow_columns",
        "eventlog.lake",
        "batch.views",
        "batch.models",
        "serving.sql",
        "infra.importing.parquet_rows",
        "infra.verify.recount",
    },
    "obstore": {"eventlog.store"},
    "numpy": {
        "batch.models",
        "batch.views.tile_block",
        "anabranch.metric",
        "eventlog.intake.arrow_columns",
        "eventlog.intake.json_arrays",
    },
}
"""The only rooms, or modules of them, that may import what several layers need."""

SIDES: dict[tuple[str, str], set[str]] = {
    ("serving", "batch"): {
        "batch.duckdb_session",
        "batch.errors",
        "batch.generation",
        "batch.generations",
        "batch.views.published_table",
        "batch.views.tile_table",
    },
    ("serving", "speed"): {
        "speed.base_layer",
        "speed.catch_up",
        "speed.learning.forecast",
        "speed.reader",
        "speed.tile_selection",
        "speed.view_fold",
    },
    ("infra", "batch"): {
        "batch.errors",
        "batch.generation",
        "batch.generations",
        "batch.lease_keeper",
        "batch.run",
        "batch.run_progress",
        "batch.take_over",
    },
    ("infra", "speed"): {
        "speed.base_layer",
        "speed.checkpoint",
        "speed.consumer",
        "speed.errors",
        "speed.offline_fold",
        "speed.reader",
        "speed.shared_checkpoints",
    },
}
"""What of another package is its face for the layer above: what reads, and what is started."""

TABLE = [(importer, imported) for importer in ALLOWED for imported in ALLOWED if importer != imported]


Statement = tuple[Path, ast.Import | ast.ImportFrom]


@cache  # nearly every test walks through all packages
def _statements(package: str) -> list[Statement]:
    """Every import statement of a package and its file, lazy ones included."""
    return [
        (path, node)
        for path in sorted((ROOT / package).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(), filename=str(path)))
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]


def _imports(package: str) -> Iterator[tuple[Path, int, str]]:
    """(file, line, the full name of the module) of every import statement of a package."""
    for path, node in _statements(package):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield path, node.lineno, alias.name
        else:
            assert node.level == 0, f"{path}:{node.lineno}: import by full name, so that this test can see it"
            yield path, node.lineno, node.module or ""


def _importers(package: str, imported: str) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{line}"
        for path, line, module in _imports(package)
        if module.split(".")[0] == imported
    ]


@pytest.mark.parametrize("package", ALLOWED)
def test_every_package_is_there(package: str) -> None:
    assert list((ROOT / package).glob("*.py"))


@pytest.mark.parametrize(("importer", "imported"), TABLE)
def test_imports_point_down(importer: str, imported: str) -> None:
    if imported not in ALLOWED[importer]:
        assert _importers(importer, imported) == [], f"{importer} must not import {imported}"


def test_no_layer_stands_on_itself() -> None:
    for package, below in ALLOWED.items():
        assert all(ALLOWED[lower] < below | {package} for lower in below), package
        assert all(package not in ALLOWED[lower] for lower in below), package


@pytest.mark.parametrize("package", ALLOWED)
def test_no_package_imports_tests_or_benchmarks(package: str) -> None:
    assert _importers(package, "tests") + _importers(package, "bench") == []


@pytest.mark.parametrize("library", ADDRESSES)
def test_a_library_has_one_address(library: str) -> None:
    strangers = [
        place for package in ALLOWED if package not in ADDRESSES[library] for place in _importers(package, library)
    ]
    assert strangers == [], f"{library} belongs in {', '.join(ADDRESSES[library])} alone"


def _names(package: str) -> Iterator[tuple[str, str]]:
    """(place, full name) of everything that a package imports: modules by themselves, names behind their module."""
    for path, node in _statements(package):
        place = f"{path.relative_to(ROOT)}:{node.lineno}"
        if isinstance(node, ast.Import):
            yield from ((place, alias.name) for alias in node.names)
        else:
            yield from ((place, f"{node.module}.{alias.name}") for alias in node.names)


def _within(name: str, rooms: set[str]) -> bool:
    return any(name == room or name.startswith(f"{room}.") for room in rooms)


@pytest.mark.parametrize("library", ROOMS)
def test_what_several_layers_need_is_imported_in_few_rooms(library: str) -> None:
    strangers = [
        f"{path.relative_to(ROOT)}:{line}"
        for package in ALLOWED
        for path, line, module in _imports(package)
        if module.split(".")[0] == library
        and not _within(".".join(path.relative_to(ROOT).with_suffix("").parts), ROOMS[library])
    ]
    assert strangers == [], f"{library} belongs in {', '.join(sorted(ROOMS[library]))}"


@pytest.mark.parametrize(("importer", "imported"), SIDES)
def test_a_layer_sees_of_another_what_reads_and_not_what_writes(importer: str, imported: str) -> None:
    face = SIDES[importer, imported]
    names = [(place, name) for place, name in _names(importer) if name.split(".")[0] == imported]
    assert [found for found in names if not _within(found[1], face)] == []
    unused = {module for module in face if not any(_within(name, {module}) for _, name in names)}
    assert unused == set(), "a door that nobody uses is a wall"


HEAVY = (
    *("dask", "distributed", "duckdb", "pyarrow", "deltalake", "numpy", "datasketches", "psycopg"),
    *("lightgbm", "sklearn", "scipy", "river", "alembic"),
)
"""What takes long to load, and a service that starts does not need."""


@pytest.mark.parametrize("module", ["infra.cli", "infra.up", "anabranch"])
def test_a_service_starts_without_heavy_libraries(module: str) -> None:
    program = f"import sys, {module}; print(*(name for name in {HEAVY!r} if name in sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert loaded.stdout.split() == []


def test_the_language_is_pure_and_starts_nothing() -> None:
    """Definitions do no IO: the language needs neither sockets, threads nor files but the application's own."""
    forbidden = {"asyncio", "socket", "sqlite3", "subprocess", "threading", "urllib", "http", "pyarrow", "duckdb"}
    assert [place for module in sorted(forbidden) for place in _importers("anabranch", module)] == []
