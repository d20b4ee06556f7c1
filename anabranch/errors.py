"""Errors of the definition language.

AnabranchError                every error of this project that a user can cause
├── DefinitionError           an application file says something that cannot be
└── CutError                  two ranges of the log do not abut: a gap or an overlap
"""


class AnabranchError(Exception):
    """The root of every error that this project raises on purpose."""


class DefinitionError(AnabranchError):
    """An application is defined wrongly.

    Parameters
    ----------
    where
        The place that is wrong, as a person would say it: ``view 'usage', aggregate 'minutes'``.
    problem
        What is wrong there.
    remedy
        What to write instead.
    location
        ``file:line`` of the definition, where it is known.
    """

    def __init__(self, where: str, problem: str, remedy: str, location: str | None = None):
        self.where = where
        self.problem = problem
        self.remedy = remedy
        self.location = location
        prefix = f"{location}: " if location else ""
        super().__init__(f"{prefix}{where}: {problem}. {remedy}")


class CutError(AnabranchError):
    """Two ranges of the log that must abut do not.

    Attributes
    ----------
    expected, found
        The cut at which the second range had to begin, and the one at which it does.
    """

    def __init__(self, what: str, expected: object, found: object):
        self.expected = expected
        self.found = found
        super().__init__(f"{what}: expected the log to go on at {expected}, found {found}")
