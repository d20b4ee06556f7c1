"""``python -m bench.quality``: run the study and print its tables. Exit 1 if a target was missed.

Takes about half an hour on two cores the first time; the predictions of the experts are kept.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bench.quality.chart import Row, chart
from bench.quality.comparison import blended, score, score_of
from bench.quality.predictions import Predictions, predictions_of
from bench.quality.report import blends_table, geometric, scores_table
from bench.quality.table import CASES
from speed.blend import BLENDS, blend_of

LARGEST, GEOMETRIC = 1.01, 0.98
COMPARED = ("hedge", "fixed_share", "ada_hedge", "boa", "ml_poly", "mean")
PAIR = ("batch", "speed")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.quality", description=__doc__)
    parser.add_argument("streams", nargs="*", help="some of the streams; all by default")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="where the data sets are")
    parser.add_argument("--cache", type=Path, default=Path("build/quality"), help="where predictions are kept")
    parser.add_argument("--chart", type=Path, help="write the chart to this file")
    chosen = parser.parse_args(arguments)
    cases = [case for case in CASES if not chosen.streams or case.name in chosen.streams]
    predictions = {}
    for case in cases:
        print(f"predicting {case.name} ...", file=sys.stderr, flush=True)
        predictions[case.name] = predictions_of(case, chosen.data, chosen.cache)
    pairs = {name: compared(of, PAIR) for name, of in predictions.items()}
    scores = {name: scored(of, pairs[name]["hedge"]) for name, of in predictions.items()}
    print(scores_table(scores), end="\n\n")
    print(blends_table(pairs), end="\n\n")
    with_plain = {name: of for name, of in predictions.items() if "plain" in of.by_expert}
    for experts in (("batch", "plain"), (*PAIR, "plain")):
        if with_plain:
            print(f"Experts: {', '.join(experts)}\n")
            print(blends_table({name: compared(of, experts) for name, of in with_plain.items()}), end="\n\n")
    if chosen.chart:
        chosen.chart.write_text(chart([Row(name, ratios(of)) for name, of in scores.items()]))
    found = [of["hedge"] for of in pairs.values()]
    return int(max(found) > LARGEST or geometric(found) > GEOMETRIC)


def compared(of: Predictions, experts: tuple[str, ...]) -> dict[str, float]:
    """The loss of every blend of these experts, divided by that of the best of them."""
    best = min(score_of(of, expert) for expert in experts)
    return {name: score(of, blended(blend_of(BLENDS[name]), of, experts)) / best for name in COMPARED}


def scored(of: Predictions, ratio: float) -> dict[str, float]:
    """The losses of the first table."""
    found = {expert: score_of(of, expert) for expert in ("once", *PAIR)}
    return found | {"blend": ratio * min(found[expert] for expert in PAIR)}


def ratios(scores: dict[str, float]) -> dict[str, float]:
    best = min(scores[expert] for expert in PAIR)
    return {way: scores[way] / best for way in ("once", *PAIR, "blend")}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
