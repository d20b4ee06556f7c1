"""blends: every blend by the name that an application writes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from speed.blend.ada_hedge import AdaHedge
from speed.blend.blend import Blend
from speed.blend.boa import Boa
from speed.blend.equal_weights import Mean
from speed.blend.fixed_share import FixedShare
from speed.blend.hedge import Hedge
from speed.blend.ml_poly import MlPoly
from speed.blend.single import Single

BLENDS: dict[str, Callable[[], Blend]] = {
    "hedge": Hedge,
    "batch": partial(Single, "batch"),
    "speed": partial(Single, "speed"),
    "mean": Mean,
    "fixed_share": FixedShare,
    "ada_hedge": AdaHedge,
    "boa": Boa,
    "ml_poly": MlPoly,
}
"""What makes a blend without experts, by name; the default first."""


def blend_of(blend: str | Callable[[], Blend], state: Mapping[str, Any] | None = None) -> Blend:
    """A new blend, or one that goes on from a state.

    Parameters
    ----------
    blend
        A name of `BLENDS`, or a class or function that makes a blend without experts.
    state
        What the `state` of such a blend was.

    Raises
    ------
    ValueError
        There is no blend of that name, or the state is of another one.

    >>> blend_of("mean").experts
    []
    """
    if isinstance(blend, str) and blend not in BLENDS:
        raise ValueError(f"there is no blend {blend!r}; there are {', '.join(BLENDS)}, or pass a subclass of Blend")
    made = BLENDS[blend]() if isinstance(blend, str) else blend()
    return made if state is None else type(made).restore(state)
