"""Errors of the speed layer.

AnabranchError
└── SpeedError
    ├── CheckpointError       a checkpoint cannot be used: torn, altered, from elsewhere, or of other definitions
    ├── RetractedError        an event was taken out of the log that a state has folded
    └── StandsStillError      somebody waits for a fold that has come to its end
"""

from collections.abc import Sequence
from pathlib import Path

from anabranch import Cut
from anabranch.errors import AnabranchError


class SpeedError(AnabranchError):
    """Something went wrong in the speed layer."""


class CheckpointError(SpeedError):
    """A checkpoint cannot be used; an older one, a generation or the whole log can.

    Attributes
    ----------
    path
        The file.
    problem
        What is wrong with it.
    """

    def __init__(self, path: Path, problem: str):
        self.path = path
        self.problem = problem
        super().__init__(f"checkpoint {path.name}: {problem}")


class RetractedError(SpeedError):
    """An event was taken out of the log that a state has folded: it has to be recovered without it.

    Attributes
    ----------
    offsets
        Of such events.
    """

    def __init__(self, offsets: Sequence[int]):
        self.offsets = offsets
        told = ", ".join(f"0:{offset}" for offset in offsets)
        super().__init__(f"{told} was taken out of the log while it was read; do that again")


class StandsStillError(SpeedError):
    """Somebody waits for a fold that has come to its end.

    Attributes
    ----------
    cut, wanted
        Where it is, and what was waited for.
    """

    def __init__(self, cut: Cut, wanted: Cut):
        self.cut = cut
        self.wanted = wanted
        super().__init__(f"the fold stands still at {cut}; it will not pass {wanted}")
