"""As many connections as the system grants open files for."""

from __future__ import annotations

import resource
from collections.abc import Iterator

import pytest

from infra.server.limits import OTHER_FILES, connections_with_files


@pytest.fixture(autouse=True)
def hard() -> Iterator[int]:
    """The hard limit; the soft one is put back."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_the_limit_of_open_files_is_raised_as_far_as_it_is_needed(hard: int) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (300, hard))
    assert connections_with_files(100) == 100
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 100 + OTHER_FILES
    assert connections_with_files(10) == 10
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 100 + OTHER_FILES


def test_where_the_system_grants_fewer_there_are_fewer_connections(hard: int) -> None:
    if hard == resource.RLIM_INFINITY:
        pytest.skip("this system grants as many as one likes")
    resource.setrlimit(resource.RLIMIT_NOFILE, (300, hard))
    assert connections_with_files(hard) == hard - OTHER_FILES
