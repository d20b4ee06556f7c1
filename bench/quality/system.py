"""``python -m bench.quality.system``: the streams of the study through the real system.

Every example and label is appended to a log; the consumer folds it, batch runs train at the same cuts as in the study,
and the scores are those that the service reports. Only the features are those that the study computed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import ceil, sqrt
from pathlib import Path
from typing import Any

import orjson

from anabranch.instant import iso
from anabranch.metric import loss
from batch.run import run_batch
from bench.quality.application import kinds_of, write
from bench.quality.example import Example, replay
from bench.quality.experts import CUTS
from bench.quality.report import geometric, scores_table
from bench.quality.table import CASES, UNSEEN, Case
from eventlog.log import Append
from infra.composition import Process, opened
from infra.settings import Settings
from speed.reader import SpeedReader

LARGEST, GEOMETRIC = 1.01, 0.98
APPENDED_TOGETHER = 500
_FOLD_SECONDS = 600
Scores = dict[str, float]


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.quality.system", description=__doc__)
    parser.add_argument("streams", nargs="*", help="some of the streams; all by default")
    parser.add_argument("--unseen", action="store_true", help="rows that the blend was not tuned on")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="where the data sets are")
    chosen = parser.parse_args(arguments)
    scores: dict[str, Scores] = {}
    for case in UNSEEN if chosen.unseen else CASES:
        if not chosen.streams or case.stream.file in chosen.streams:
            print(f"running {case.name} ...", file=sys.stderr, flush=True)
            with tempfile.TemporaryDirectory(prefix="anabranch-quality-") as folder:
                scores[case.name] = scores_of(case, chosen.data, Path(folder))
            print(scores_table({case.name: scores[case.name]}), file=sys.stderr, flush=True)
    print(scores_table(scores))
    found = [of["blend"] / min(of["batch"], of["speed"]) for of in scores.values()]
    print(f"\nlargest {max(found):.3f}, geometric mean {geometric(found):.4f}")
    return int(max(found) > LARGEST or geometric(found) > GEOMETRIC)


def scores_of(case: Case, data: Path, folder: Path) -> Scores:
    """The losses of a stream, from the first generation on."""
    examples = case.stream().examples(data)
    delay = max(example.known - example.time for example in examples)
    within = f"{ceil(delay) + 1}s" if delay > 0 else None
    label = "text" if isinstance(examples[0].label, str) else "number"
    kinds = kinds_of([example.features for example in examples])
    app = write(folder, case.stream.file, case.stream.task, kinds, within, label)
    with opened(Settings.load(app=str(app), home=folder / "home")) as process:
        consumer = process.consumer()
        consumer.start()
        try:
            run(process, consumer.reader, examples, later=within is not None)
            return reported(process, consumer.reader, case, examples)
        finally:
            consumer.stop()


def run(process: Process, speed: SpeedReader, examples: Sequence[Example], *, later: bool) -> None:
    """Append everything, with a batch run at every cut."""
    events = list(logged(examples, later=later))
    edges = [0, *(starts_at(events, int(len(examples) * part)) for part in CUTS), len(events)]
    for number, (start, end) in enumerate(pairwise(edges)):
        if number:
            batch(process)
        append(process, events[start:end])
        speed.when_past(process.log.end()).result(_FOLD_SECONDS)
        print(f"  {end:,} of {len(events):,} events", file=sys.stderr, flush=True)


def logged(examples: Sequence[Example], *, later: bool) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """(stream, event time in µs, event) in the order of the log."""
    for is_label, number in replay([e.time for e in examples], [e.known for e in examples]):
        example = examples[number]
        time = example.known if is_label else example.time
        event: dict[str, Any] = {"number": number, "at": iso(round(time * 1e6))}
        if not is_label:
            own = {} if later else {"label": example.label}
            yield "examples", round(time * 1e6), event | own | example.features
        elif later:
            yield "outcomes", round(time * 1e6), event | {"label": example.label}


def starts_at(events: Sequence[tuple[str, int, dict[str, Any]]], number: int) -> int:
    """Where in the log an example stands."""
    return next(
        at for at, (stream, _, event) in enumerate(events) if stream == "examples" and event["number"] == number
    )


def append(process: Process, events: Sequence[tuple[str, int, dict[str, Any]]]) -> None:
    """One run of a stream after the other: requests that wait together have no order among them."""
    start = 0
    for at in range(1, len(events) + 1):
        if at == len(events) or events[at][0] != events[start][0] or at - start == APPENDED_TOGETHER:
            part = events[start:at]
            nothing: list[None] = [None] * len(part)
            data = [orjson.dumps(event) for _, _, event in part]
            process.log.append(Append(part[0][0], [*nothing], [*nothing], [time for _, time, _ in part], data))
            start = at


def batch(process: Process) -> None:
    outcome = run_batch(
        process.settings.app_reference, process.home, process.log, process.leases, process.runs, process.lake
    )
    for problem in outcome.problems:
        print(f"  {problem}", file=sys.stderr, flush=True)


def reported(process: Process, speed: SpeedReader, case: Case, examples: Sequence[Example]) -> Scores:
    """What the model tells of itself, and what its first version would have lost."""
    told = speed.report_of(process.app.models["target"])
    report, publication = told.learner, told.moment.publication
    print(f"  weights {report['weights']}, diverged {report['diverged']}, labels {report['labels']}", file=sys.stderr)
    found = {name: facts["loss"] for name, facts in report["scores"].items()}
    assert publication is not None
    model = process.app.models["target"]
    first = process.generation(publication).predictor(model, 1)
    scored = examples[int(len(examples) * CUTS[0]) :]
    predicted = first.predict([example.features for example in scored])
    pairs = zip(predicted, scored, strict=True)
    found["once"] = sum(loss(model.metric, part, example.label) for part, example in pairs) / len(scored)
    return {name: sqrt(value) if case.stream.task == "regression" else value for name, value in found.items()}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
