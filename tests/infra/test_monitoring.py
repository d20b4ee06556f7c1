"""The files for Prometheus and Grafana; tests/end_to_end/test_observability.py holds them against a service."""

from __future__ import annotations

import pytest

from tests.monitoring import INFRA, alerts, dashboard, series_of, yaml


@pytest.mark.parametrize(
    ("expression", "series"),
    [
        ('a_total > 5e9 or on (instance) sum by (le, instance) (rate(b{c=~"d|e"}[5m])) > 0', {"a_total", "b"}),
        ("histogram_quantile(0.99, sum by (le) (rate(x_bucket[10m])))", {"x_bucket"}),
        ("time() - y_seconds < 36 * 3600", {"y_seconds"}),
    ],
)
def test_the_series_of_an_expression_are_found(expression: str, series: set[str]) -> None:
    assert series_of(expression) == series


def test_the_dashboard_can_be_imported_anywhere() -> None:
    board = dashboard()
    assert board["schemaVersion"] >= 39
    assert board["templating"]["list"][0]["type"] == "datasource"
    rows = [panel["title"] for panel in board["panels"] if panel["type"] == "row"]
    assert rows[1:] == ["Ingest", "Fold", "Serving", "Models", "Batch"]
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    for panel in board["panels"]:
        assert panel["type"] == "row" or (panel["description"] and panel["datasource"]["uid"] == "${datasource}")


def test_every_alert_says_what_it_is_and_what_to_do() -> None:
    rules = [rule for group in alerts() for rule in group["rules"]]
    assert len({rule["alert"] for rule in rules}) == len(rules) >= 10
    for rule in rules:
        assert set(rule["annotations"]) == {"summary", "description"}, rule["alert"]
        assert rule["labels"]["severity"] in ("critical", "warning", "info"), rule["alert"]


def test_compose_mounts_files_that_there_are() -> None:
    compose = yaml.safe_load((INFRA / "compose.yaml").read_text())
    watching = {name: part for name, part in compose["services"].items() if part.get("profiles") == ["monitoring"]}
    assert set(watching) == {"prometheus", "grafana"}
    for part in watching.values():
        for volume in part["volumes"]:
            source = volume.split(":")[0]
            assert (INFRA / source).exists() if source.startswith(".") else source in compose["volumes"]
    rules = yaml.safe_load((INFRA / "prometheus" / "prometheus.yml").read_text())["rule_files"]
    assert all((INFRA / "prometheus" / name).exists() for name in rules)
