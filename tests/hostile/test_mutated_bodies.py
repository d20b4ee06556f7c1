"""Bodies of every kind that were valid before somebody damaged them."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from hypothesis import settings

from tests.hostile.mutations import VALID, answered

SECONDS = 7_200
"""How long the cases of the long profile may take; a few hundred take seconds."""


@pytest.mark.timeout(SECONDS)
def test_no_damaged_body_ends_the_process_is_a_500_or_takes_more_memory_than_a_request_may() -> None:
    """As many as the profile says: 300, or 100,000 with ``--hypothesis-profile long``."""
    cases = settings().max_examples if settings.get_current_profile_name() == "long" else 300
    program = [sys.executable, "-m", "tests.hostile.mutations", str(cases)]
    ended = subprocess.run(program, capture_output=True, timeout=SECONDS)
    assert ended.returncode == 0, f"it died ({ended.returncode}): {ended.stderr.decode()[-4_000:]}"
    statuses = json.loads(ended.stdout)
    assert {"201", "207", "422"} & statuses.keys() >= {"422"}, statuses


def test_the_bodies_are_valid_before_they_are_damaged() -> None:
    statuses = [answered(*body) for body in VALID]
    assert statuses.count(201) >= 15
    assert set(statuses) <= {201, 207, 422}
