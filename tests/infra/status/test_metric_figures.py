"""Figures of a scrape: what is not told is None, a restart is no negative rate, and quantiles stay in their bucket."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from infra.status.metric_figures import Figures, quantile


def figures(text: str, taken: float = 0.0) -> Figures:
    return Figures({family.name: family for family in text_string_to_metric_families(text)}, taken)


def test_a_counter_and_a_gauge_are_found_by_their_labels() -> None:
    found = figures('# TYPE a_total counter\na_total{s="x",k="1"} 3\na_total{s="y",k="2"} 4\n# TYPE b gauge\nb 2.5\n')
    assert found.value("a", s="y") == 4
    assert found.value("a") == 3
    assert found.value("a", s="z") is None
    assert (found.value("b"), found.value("b", s="x"), found.value("c")) == (2.5, None, None)


@pytest.mark.parametrize(
    ("before", "now", "seconds", "rate"),
    [(10, 25, 2.0, 7.5), (10, 10, 1.0, 0.0), (10, 3, 1.0, None), (10, 20, 0.0, None), (10, None, 1.0, None)],
)
def test_a_rate_is_told_unless_the_service_was_restarted(
    before: int, now: int | None, seconds: float, rate: float | None
) -> None:
    earlier = figures(f"# TYPE a_total counter\na_total {before}\n", 100.0)
    later = figures("" if now is None else f"# TYPE a_total counter\na_total {now}\n", 100.0 + seconds)
    assert later.rate_since(earlier, "a") == rate


def test_a_view_without_a_generation_has_no_figures_of_batch() -> None:
    found = figures('# TYPE anabranch_view_keys gauge\nanabranch_view_keys{view="v"} 3\n').views()
    assert found == {
        "v": dict.fromkeys(("keys", "tiles", "batch_tiles", "epoch_bytes", "failures", "batch_failures")) | {"keys": 3}
    }


def test_predictions_are_told_by_model() -> None:
    lines = [
        f'anabranch_predict_seconds_bucket{{model="{model}",le="{le}"}} {count}'
        for model, counts in {"m": (2, 4, 4), "n": (0, 0, 0)}.items()
        for le, count in zip(("0.1", "0.2", "+Inf"), counts, strict=True)
    ]
    found = figures("# TYPE anabranch_predict_seconds histogram\n" + "\n".join(lines) + "\n").predict()
    assert found == {
        "m": {"count": 4, "p50_seconds": 0.1, "p99_seconds": 0.198},
        "n": {"count": 0, "p50_seconds": None, "p99_seconds": None},
    }


@given(st.lists(st.integers(0, 20), min_size=2, max_size=8).filter(any), st.floats(0.01, 1.0))
def test_a_quantile_lies_in_the_bucket_that_holds_it(counts: list[int], q: float) -> None:
    bounds = [*(float(bound) for bound in range(1, len(counts))), math.inf]
    cumulative = [sum(counts[: index + 1]) for index in range(len(counts))]
    found = quantile(list(zip(bounds, cumulative, strict=True)), q)
    wanted = next(index for index, count in enumerate(cumulative) if count >= q * cumulative[-1])
    assert found is not None
    assert wanted <= found + 1e-6
    assert found <= min(bounds[wanted], bounds[-2]) + 1e-6
