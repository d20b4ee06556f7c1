"""The likeness of a function: it changes with what the function does, and with nothing else."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

from anabranch.likeness import likeness


def made(source: str) -> Callable[..., Any]:
    """The function `f` of a module."""
    module = types.ModuleType("application")
    exec(compile(source, "application.py", "exec"), module.__dict__)
    found: Callable[..., Any] = module.f
    return found


F = "def f(event):\n    return limit + help(event).limit\n"
HELP = "def help(event):\n    return event\n"


def test_a_global_that_it_names_is_part_of_it() -> None:
    assert likeness(made(f"limit = 1\n{HELP}{F}")) == likeness(made(f"limit = 1\n{HELP}{F}"))
    assert likeness(made(f"limit = 1\n{HELP}{F}")) != likeness(made(f"limit = 2\n{HELP}{F}"))
    other_help = HELP.replace("return event", "return event.parent")
    assert likeness(made(f"limit = 1\n{HELP}{F}")) != likeness(made(f"limit = 1\n{other_help}{F}"))


def test_a_global_with_the_name_of_an_attribute_is_not() -> None:
    reads = "def f(event):\n    return event.delay\n"
    assert likeness(made(reads)) == likeness(made(f"{reads}\ndef delay(event):\n    return 1\n"))


def test_a_global_of_a_function_within_is() -> None:
    within = "def f(event):\n    return [x * factor for x in event]\n"
    assert likeness(made(f"factor = 1\n{within}")) != likeness(made(f"factor = 2\n{within}"))
