"""Errors of the speed layer.

AnabranchError
└── SpeedError
    └── CheckpointError       a checkpoint cannot be used: torn, altered, or of other definitions
"""

from pathlib import Path

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
