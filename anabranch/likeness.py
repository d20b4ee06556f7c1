"""The likeness of a function: plain data that differs when the function does, and is the same in every process."""

from __future__ import annotations

import dis
import functools
import re
import types
from collections.abc import Iterator
from typing import Any


def likeness(thing: object) -> object:
    """What makes this function, or this value that a function uses, different from another.

    Of a function: its byte code, its constants, defaults, what it closes over, and the same of everything global that
    it names and that its own module defines. Never an address, never the order of a set: both change from process to
    process.

    >>> likeness(lambda x: x in {"a", "b"}) == likeness(lambda y: y in {"b", "a"})
    True
    >>> likeness(lambda x: x + 1) == likeness(lambda x: x + 2)
    False
    """
    return _likeness(thing, ())


def _likeness(thing: object, within: tuple[object, ...]) -> object:
    """The likeness of a part, inside the things `within`: one of those is named only, or it would never end."""
    if any(thing is outer for outer in within):
        return "..."
    inside = (*within, thing)
    match thing:
        case None | bool() | int() | float() | complex() | str() | bytes():
            return repr(thing)
        case tuple() | list():
            return [type(thing).__name__, *(_likeness(item, inside) for item in thing)]
        case set() | frozenset():
            return ["set", *sorted((_likeness(item, inside) for item in thing), key=repr)]
        case dict():
            pairs = ((_likeness(key, inside), _likeness(value, inside)) for key, value in thing.items())
            return ["dict", *sorted(pairs, key=repr)]
        case types.FunctionType():
            defaults = [thing.__defaults__, thing.__kwdefaults__]
            return [*_code(thing.__code__, inside), _likeness(defaults, inside), *_surroundings(thing, inside)]
        case types.MethodType():
            return [_likeness(thing.__func__, inside), _likeness(thing.__self__, inside)]
        case functools.partial():
            return [_likeness(part, inside) for part in (thing.func, thing.args, thing.keywords)]
        case re.Pattern():
            return [repr(thing.pattern), thing.flags]
    name = getattr(thing, "__qualname__", None)
    if isinstance(name, str):
        return name
    return [type(thing).__qualname__, _likeness(getattr(thing, "__dict__", {}), inside)]


def _code(code: types.CodeType, within: tuple[object, ...]) -> list[object]:
    constants = [
        _code(constant, within) if isinstance(constant, types.CodeType) else _likeness(constant, within)
        for constant in code.co_consts
    ]
    return [code.co_code.hex(), constants, list(code.co_names)]


def _surroundings(function: types.FunctionType, within: tuple[object, ...]) -> list[object]:
    """The likeness of what a function uses from outside itself."""
    found: list[object] = []
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            found.append([name, _likeness(cell.cell_contents, within)])
        except ValueError:  # the variable has no value yet
            found.append([name, "unbound"])
    for name in sorted(set(_global_names(function.__code__))):
        value = function.__globals__.get(name)
        if value is not None and _is_part(value, function):
            found.append([name, _likeness(value, within)])
    return found


def _global_names(code: types.CodeType) -> Iterator[str]:
    """The names that it looks up in its module; `co_names` has those of attributes, too."""
    yield from (instruction.argval for instruction in dis.get_instructions(code) if instruction.opname in _LOOKS_UP)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _global_names(constant)


def _is_part(value: Any, function: types.FunctionType) -> bool:
    """Whether a global value belongs to the definition: a constant, or a function of the same module."""
    if isinstance(value, types.FunctionType):
        return value.__module__ == function.__module__
    return isinstance(value, _CONSTANTS)


_LOOKS_UP = ("LOAD_GLOBAL", "LOAD_NAME")
_CONSTANTS = (bool, int, float, str, bytes, tuple, list, set, frozenset, dict, functools.partial, re.Pattern)
