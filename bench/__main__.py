"""``python -m bench [NAME ...]``: run the benchmarks and print the table. Exit 1 if a target was missed."""

from __future__ import annotations

import importlib
import sys
import tempfile
from pathlib import Path

from bench.report import Figure, show

NAMES = (
    "fold",
    "ingest",
    "single",
    "read",
    "visible",
    "start",
    "restart",
    "batch",
    "incremental",
    "bucket",
    "replay",
    "predict",
    "dashboards",
    "learn",
    "collection",
)


def main(names: list[str]) -> int:
    unknown = set(names) - set(NAMES)
    if unknown:
        print(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}", file=sys.stderr)
        return 2
    figures: list[Figure] = []
    for name in names or NAMES:
        print(f"measuring {name} ...", flush=True)
        with tempfile.TemporaryDirectory(prefix="anabranch-bench-") as home:
            figures += importlib.import_module(f"bench.{name}").run(Path(home))
    show(figures)
    return int(any(figure.met is False for figure in figures))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
