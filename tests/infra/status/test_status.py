"""What status says, and of whom."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from infra.service_client import LOCK, ServiceClient
from infra.settings import Settings
from infra.status.metric_figures import Figures
from infra.status.status import status_of
from infra.status.status_table import rows_of

SCRAPED = """
# TYPE anabranch_records_folded_total counter
anabranch_records_folded_total {folded}
# TYPE anabranch_view_keys gauge
anabranch_view_keys{{view="usage"}} 3
# TYPE anabranch_view_tiles gauge
anabranch_view_tiles{{view="usage",layer="speed"}} 7
# TYPE anabranch_epoch_bytes gauge
anabranch_epoch_bytes{{view="usage"}} 2100
# TYPE anabranch_view_failures_total counter
anabranch_view_failures_total{{view="usage",layer="speed"}} 0
anabranch_view_failures_total{{view="usage",layer="batch"}} 2
# TYPE anabranch_predict_seconds histogram
anabranch_predict_seconds_bucket{{model="m",le="0.001"}} 90
anabranch_predict_seconds_bucket{{model="m",le="0.002"}} 100
anabranch_predict_seconds_bucket{{model="m",le="+Inf"}} 100
anabranch_predict_seconds_count{{model="m"}} 100
anabranch_predict_seconds_sum{{model="m"}} 0.07
"""


def figures(folded: int = 100, taken: float = 0.0) -> Figures:
    families = text_string_to_metric_families(SCRAPED.format(folded=folded))
    return Figures({family.name: family for family in families}, taken)


def test_a_rate_is_what_was_folded_since_the_scrape_before() -> None:
    assert figures(150, taken=2.0).rate_since(figures(100), "anabranch_records_folded") == 25.0


def test_a_service_that_was_started_meanwhile_has_no_rate_yet() -> None:
    assert figures(10, taken=2.0).rate_since(figures(100), "anabranch_records_folded") is None
    assert figures().value("anabranch_generation_age_seconds") is None


def test_views_and_predictions_are_read_from_the_metrics() -> None:
    view = {"keys": 3, "tiles": 7, "batch_tiles": None, "epoch_bytes": 2100, "failures": 0, "batch_failures": 2}
    assert figures().views() == {"usage": view}
    assert figures().predict() == {"m": {"count": 100, "p50_seconds": 0.000556, "p99_seconds": 0.0019}}


def test_the_home_says_where_its_service_is_unless_that_is_given(tmp_path: Path) -> None:
    (tmp_path / LOCK).write_text(f"pid {os.getpid()}, http://127.0.0.1:8123\n")
    assert ServiceClient.of(Settings.load(home=tmp_path)).address == "http://127.0.0.1:8123"
    assert ServiceClient.of(Settings.load(home=tmp_path, port=9)).address == "http://127.0.0.1:9"
    assert ServiceClient.of(Settings.load(home=tmp_path, host="::1")).address == "http://[::1]:8000"


@pytest.mark.parametrize("written", ["", "starting", "pid x, y"])
def test_a_home_that_says_nothing_is_looked_for_where_the_settings_say(tmp_path: Path, written: str) -> None:
    (tmp_path / LOCK).write_text(written)
    assert ServiceClient.of(Settings.load(home=tmp_path)).address == "http://127.0.0.1:8000"


def test_a_service_that_has_died_is_not_where_the_home_says(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    (tmp_path / LOCK).write_text(f"pid {gone.pid}, http://127.0.0.1:8123\n")
    assert ServiceClient.of(Settings.load(home=tmp_path)).address == "http://127.0.0.1:8000"


def test_looking_where_there_is_nothing_makes_nothing(tmp_path: Path) -> None:
    settings = Settings.load(home=tmp_path / "nothing", port=9)
    status, _ = status_of(settings, ServiceClient.of(settings))
    assert (status["service"], status["problem"], status["log_end"]) == ("none", "there is no home yet", None)
    assert dict(rows_of(status))["service"] == "none at http://127.0.0.1:9; there is no home yet"
    assert list(tmp_path.iterdir()) == []
