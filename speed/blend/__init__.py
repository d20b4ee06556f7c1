"""The blend: weights over the predictions of several experts, learnt from their losses, in plain floats.

Read `blend` first: the interface. `hedge` is the default; docs/quality.md says why. `fixed_share`, `ada_hedge`, `boa`
and `ml_poly` (the last two on `second_order`) are what it was compared with; `mean` and `single` learn nothing.
`slope` says what they learn from (the losses are those of `anabranch.metric`), `blends` has the table of names.
"""

from speed.blend.blend import Blend
from speed.blend.blends import BLENDS, blend_of
from speed.blend.slope import slope

__all__ = ["BLENDS", "Blend", "blend_of", "slope"]
