"""Errors of the definition language.

AnabranchError                every error of this project that a user can cause
├── DefinitionError           an application file says something that cannot be
├── CutError                  two ranges of the log do not abut: a gap or an overlap
├── LayerUnreadableError      the layer below cannot be read, for which no features function can do anything
└── FeaturesError             a features function did what it must not, on one event
    ├── LabelTouchedError         it read the label that it is to predict
    ├── FieldAbsentError          it read a field that the prediction request left out
    ├── ViewLookupError             it asked a view for something that the view does not have
    └── FeatureValueError         it returned something that is not features
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


class LayerUnreadableError(AnabranchError):
    """The finished layer below cannot be read, in which a features function looked. Nothing was folded.

    That is no fault of the function or of its event: the same event has features wherever the layer can be read.

    Attributes
    ----------
    error
        What was met.
    """

    def __init__(self, error: Exception):
        self.error = error
        super().__init__(f"the layer below the epochs cannot be read: {error or type(error).__name__}")


class FeaturesError(AnabranchError):
    """A features function did what it must not, on one event."""


class LabelTouchedError(FeaturesError):
    """A features function read the label that it is to predict: the model would be useless.

    Attributes
    ----------
    label
        The name of the field.
    """

    def __init__(self, label: str):
        self.label = label
        super().__init__(
            f"the features function reads {label!r}, which is the label; at prediction time nobody knows it. "
            "Take it out of the features; views may be used, they hold only earlier events"
        )


class FieldAbsentError(FeaturesError):
    """A features function read a field that the prediction request left out.

    Attributes
    ----------
    field
        Its name.
    """

    def __init__(self, field: str):
        self.field = field
        super().__init__(f"the features need the field {field!r}, which is not given")


class ViewLookupError(FeaturesError):
    """A features function asked a view for something that it does not have."""


class FeatureValueError(FeaturesError):
    """A features function returned something that is not features."""
