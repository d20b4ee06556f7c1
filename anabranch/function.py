"""Functions that a user hands over: whether they can be called as they will be."""

from __future__ import annotations

import inspect
from typing import Any


def problem_of(function: Any, *arguments: str) -> str | None:
    """What is wrong with a function that will be called with these arguments; None: nothing that can be told.

    >>> problem_of(5, "event")
    'is not a function'
    >>> problem_of(lambda: True, "event")
    'cannot be called with (event): too many positional arguments'
    >>> problem_of(lambda event, strict=False: True, "event")
    """
    if not callable(function):
        return "is not a function"
    if inspect.iscoroutinefunction(function):
        return "is async, and would never be awaited"
    try:
        inspect.signature(function).bind(*arguments)
    except TypeError as error:
        return f"cannot be called with ({', '.join(arguments)}): {error}"
    except ValueError:  # a builtin that does not tell
        return None
    return None
