"""The aggregates. Each is a commutative monoid with a true zero and plain-data state; read `aggregate` first.

Exact: `count`, `sum`, `mean`, `min`, `max`, `variance`, `first`, `last`, `histogram`, `collect` (float arithmetic
agrees to 1e-9 however the log is cut; `total` is what sum and mean share). Sketches, each with a stated error:
`distinct`, `quantile`, `top`; `error_bound` is how. What a plain value looks like in SQL and in JSON is in `plain`, how
`verify` compares an answer with the raw values in `judgement`.

They are named as in the definition language, ``agg.sum("minutes")``, and so cover the built-in `sum`, `min` and `max`
in this package on purpose.
"""

from anabranch.agg.collect import collect
from anabranch.agg.count import count
from anabranch.agg.distinct import distinct
from anabranch.agg.first import first
from anabranch.agg.histogram import histogram
from anabranch.agg.last import last
from anabranch.agg.max import max
from anabranch.agg.mean import mean
from anabranch.agg.min import min
from anabranch.agg.quantile import quantile
from anabranch.agg.sum import sum
from anabranch.agg.top import top
from anabranch.agg.variance import variance

__all__ = [
    "collect",
    "count",
    "distinct",
    "first",
    "histogram",
    "last",
    "max",
    "mean",
    "min",
    "quantile",
    "sum",
    "top",
    "variance",
]
