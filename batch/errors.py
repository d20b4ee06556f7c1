"""Errors of the batch layer.

AnabranchError
├── LeaseHeldError            another batch run is at work
├── EstimatorNotStoredError   only a pickle could hold an estimator, and that is not allowed
├── ViewTooWideError          a view needs more memory than there is, for the smallest piece of the log
├── UnwritableError           a disk is full, broken or may not be written
└── GenerationError           a generation cannot be read
    ├── CorruptGenerationError    a file of it is missing, or not the one that was published
    ├── FormatError               it was written by another version of this program
    ├── VersionError              it has no such version of a model, or one of another definition
    └── ModelFileError            the file of a model cannot be opened
"""

from __future__ import annotations

from pathlib import Path

from anabranch.errors import AnabranchError


class LeaseHeldError(AnabranchError):
    """Another batch run is at work.

    Attributes
    ----------
    holder
        Who, as ``host:pid:start``; None where it cannot be told.
    """

    def __init__(self, holder: str | None = None):
        self.holder = holder
        by = f" ({holder})" if holder else ""
        super().__init__(f"another batch run holds the lease{by}; this one leaves it alone")


class EstimatorNotStoredError(AnabranchError):
    """Only a pickle could hold a fitted estimator, and that is not allowed.

    Attributes
    ----------
    estimator
        Its class.
    problem
        What keeps it from being stored otherwise.
    """

    def __init__(self, estimator: str, problem: str):
        self.estimator = estimator
        self.problem = problem
        super().__init__(
            f"{estimator} can only be stored as a pickle ({problem}), which runs code when it is opened;"
            " ANABRANCH_PICKLE_MODELS=true allows that"
        )


class ViewTooWideError(AnabranchError):
    """A view needs more memory than there is, even for a small piece of the log.

    Attributes
    ----------
    view
        Its name.
    what
        What was worked on.
    """

    def __init__(self, view: str, what: str, error: BaseException):
        self.view = view
        self.what = what
        super().__init__(
            f"view {view!r} is too wide for the memory: {what} could not be folded or merged"
            f" ({type(error).__name__}: {error}). Let its aggregates keep less (agg.collect and agg.top have limits),"
            " give it finer keys or tiles, or give the workers more memory"
        )


class UnwritableError(AnabranchError):
    """A disk is full, broken or may not be written. What the run has published so far, which is nothing, stays."""

    def __init__(self, error: BaseException):
        super().__init__(
            f"the run could not write what it made: {' '.join(str(error).split())}. Free space on the disk of the home,"
            " or let it be written; the next run goes on"
        )


class GenerationError(AnabranchError):
    """A generation cannot be read."""


class CorruptGenerationError(GenerationError):
    """A file of a generation is missing, or not the one that was published.

    Attributes
    ----------
    what
        Which file, as people call it.
    problem
        What is wrong with it.
    """

    def __init__(self, what: str, problem: str):
        self.what = what
        self.problem = problem
        super().__init__(f"{what} is damaged: {problem}; a batch run rebuilds it")


class FormatError(GenerationError):
    """A generation was written by another version of this program."""

    def __init__(self, what: str, expected: int, found: object):
        self.what = what
        self.expected = expected
        self.found = found
        super().__init__(f"{what} has format {found}, this version reads {expected}; a batch run rebuilds it")


class VersionError(GenerationError):
    """A generation has no such version of a model, or one that was trained on features of another definition."""


class ModelFileError(GenerationError):
    """The file of a model is the one that was published, and cannot be opened."""

    def __init__(self, path: Path, problem: str):
        self.path = path
        super().__init__(f"{path} cannot be opened: {problem}; a batch run trains a new version")
