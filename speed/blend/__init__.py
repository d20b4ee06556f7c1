"""The blend: weights over the predictions of several experts, learnt from their losses, in plain floats.

Read `blend` first: the interface. `hedge` is the default; docs/quality.md says why. `fixed_share`, `ada_hedge`, `boa`
and `ml_poly` (the last two on `second_order`) are what it was compared with; `mean` and `single` learn nothing.
`loss` has the metrics and their slopes, `blends` the table of names.
"""

from speed.blend.blend import Blend
from speed.blend.blends import BLENDS, blend_of
from speed.blend.loss import Metric, loss, slope

__all__ = ["BLENDS", "Blend", "Metric", "blend_of", "loss", "slope"]
