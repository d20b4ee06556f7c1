"""Fingerprints of definitions: equal in every process and under every Python, different when the definition is.

A function is its source (see `syntax`), what it was made with (defaults, what it closes over, what a partial or a
method is bound to), and everything from outside that it names: constants and tables by their value, functions and
classes of the application, in whichever of its modules, by their own source. What a library or Python itself brings
goes by its name, not by its version. Comments, formatting, docstrings and annotations of functions do not count.

Where there is no source (a function made by `exec`, or at a prompt) its byte code counts, and the fingerprint is that
of one version of Python.
"""

from __future__ import annotations

import ast
import dis
import functools
import hashlib
import re
import sys
import sysconfig
import types
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import PurePath
from typing import Any

from anabranch import syntax
from anabranch.application_modules import module_beside

_OURS = frozenset({"anabranch", "eventlog", "batch", "speed", "serving", "infra"})
_LIBRARIES = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")})


def digest(parts: object) -> str:
    """A digest of plain data, as 16 hexadecimal digits."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def described(thing: object) -> object:
    """Plain data that says what a function is, or a value that a function uses.

    Never an address, nor the order of a set: both change from process to process.

    >>> described({"a", "b"}) == described({"b", "a"})
    True
    >>> described(functools.partial(round, ndigits=1)) == described(functools.partial(round, ndigits=2))
    False
    """
    return _Description().of(thing)


class _Description:
    """One description; what was met before in it is named by its number, or it would never end."""

    def __init__(self, met: Mapping[int, int] | None = None):
        self._met = dict(met or {})
        self._kept: list[object] = []
        """What has a number stays alive, for as long as another thing must not get its id."""

    def of(self, thing: Any) -> object:
        """A value, of whatever kind."""
        match thing:
            case None | bool() | int() | float() | complex() | str() | bytes() if type(thing) in _PLAIN:
                return ascii(thing)
            case types.BuiltinFunctionType() | types.MethodDescriptorType() | types.WrapperDescriptorType():
                return _name(thing)
        if id(thing) in self._met:
            return ["again", self._met[id(thing)]]
        if type(thing) in _CONTAINERS:
            self._met[id(thing)] = -1
            found = self._container(thing)
            del self._met[id(thing)]  # whether equal constants are one object differs with the version of Python
            return found
        self._met[id(thing)] = len(self._met)
        self._kept.append(thing)
        match thing:
            case re.Pattern():
                return ["re.Pattern", ascii(thing.pattern), thing.flags]
            case functools.partial():
                return ["partial", *(self.of(part) for part in (thing.func, thing.args, thing.keywords))]
            case types.MethodType():
                return ["method", self.of(thing.__func__), self.of(thing.__self__)]
            case staticmethod() | classmethod():
                return [type(thing).__name__, self.of(thing.__func__)]
            case property():
                return ["property", *(self.of(part) for part in (thing.fget, thing.fset))]
            case types.FunctionType():
                return self._function(thing)
            case types.ModuleType():
                return self._module(thing)
            case type():
                return self._class(thing)
        return self._instance(thing)

    def _container(self, thing: Any) -> object:
        match thing:
            case tuple() | list():
                return [type(thing).__name__, *(self.of(item) for item in thing)]
            case set() | frozenset():
                found = [_Description(self._met).of(item) for item in thing]  # in whatever order
                return ["set", *sorted(found, key=repr)]
        return ["dict", *sorted(([self.of(key), self.of(value)] for key, value in thing.items()), key=repr)]

    # functions

    def _function(self, function: types.FunctionType) -> object:
        if _is_library(function.__module__):
            return _name(function)
        code = function.__code__
        node = syntax.function_node(code, function.__globals__)
        made_with = [self.of(function.__defaults__), self.of(function.__kwdefaults__ or None)]
        if node is None:
            form, names, local = _byte_code(code), sorted(set(_global_names(code))), {}
        else:
            form, names = syntax.normal_form(node), syntax.free_names(node)
            local = _imported(node, function.__globals__)
        closed: dict[str, Any] = {}
        for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
            try:
                closed[name] = cell.cell_contents
            except ValueError:  # the variable has no value yet
                continue
        made_with += [[name, self.of(closed[name]) if name in closed else "unbound"] for name in code.co_freevars]
        outside = [name for name in names if name.partition(".")[0] not in code.co_freevars]
        return ["function", form, made_with, self._named(outside, {**function.__globals__, **local})]

    def _named(self, names: list[str], values: Mapping[str, Any]) -> object:
        """What names mean, of a function or a class: those of Python itself are left out."""
        found: list[object] = []
        for path in names:
            top, *rest = path.split(".")
            if top not in values or top == "__builtins__":
                continue
            thing = values[top]
            while rest and isinstance(thing, types.ModuleType) and not _is_library(thing.__name__):
                thing = getattr(thing, rest.pop(0), None)
            if isinstance(thing, types.ModuleType) and (rest or _is_library(thing.__name__)):
                thing = thing.__name__
            found.append([path, self.of(thing)])
        return found

    # modules, classes, and instances of them

    def _module(self, module: types.ModuleType) -> object:
        node = None if _is_library(module.__name__) else syntax.module_node(module.__file__ or "", vars(module))
        return ["module", module.__name__.rpartition(".")[2]] if node is None else ["module", syntax.normal_form(node)]

    def _class(self, cls: type) -> object:
        module = sys.modules.get(cls.__module__)
        if module is None or _is_library(cls.__module__):
            return _name(cls)
        node = syntax.class_node(cls, getattr(module, "__file__", None) or "", vars(module))
        if node is not None:
            names = syntax.free_names(node)
            return ["class", syntax.normal_form(node), self._named(names, vars(module))]
        if issubclass(cls, tuple) and hasattr(cls, "_fields"):  # what collections.namedtuple has made
            return ["class", cls.__qualname__, self.of(cls._fields), self.of(getattr(cls, "_field_defaults", None))]
        members = {n: v for n, v in vars(cls).items() if not n.startswith("__") or isinstance(v, types.FunctionType)}
        return ["class", cls.__qualname__, [self.of(base) for base in cls.__bases__], self.of(members)]

    def _instance(self, thing: object) -> object:
        cls = type(thing)
        if cls.__module__.partition(".")[0] in _OURS:  # a stream, a view: what it is, its own fingerprint says
            return [_name(cls), ascii(getattr(thing, "name", None))]
        if isinstance(wrapped := getattr(thing, "__wrapped__", None), types.FunctionType):  # as by functools.cache
            return [_name(cls), self.of(wrapped)]
        if _is_array(thing):
            return [_name(cls), self.of(thing.tolist())]  # type: ignore[attr-defined]  # it is one
        match thing:
            case Enum():
                return [self.of(cls), thing.name, self.of(thing.value)]
            case PurePath():
                return ["path", ascii(str(thing))]
        state = getattr(thing, "__dict__", {})
        if _is_library(cls.__module__) and cls.__eq__ is object.__eq__:
            # a lock, a connection, a logger: what it holds is its own, and may differ from process to process
            is_estimator = hasattr(thing, "get_params") or hasattr(thing, "clone")
            return [
                _name(cls),
                self.of(state if is_estimator else {n: v for n, v in state.items() if type(v) in _PLAIN}),
            ]
        try:
            reduced = thing.__reduce_ex__(4)
        except Exception:  # it cannot be copied, and says so in whatever way
            reduced = ("", state)
        parts = (reduced,) if isinstance(reduced, str) else reduced[1:]
        return [self.of(cls), *(self.of(list(part) if isinstance(part, Iterator) else part) for part in parts)]


_CONTAINERS = (tuple, list, set, frozenset, dict, types.MappingProxyType)
_PLAIN = (type(None), bool, int, float, complex, str, bytes)


def _name(thing: Any) -> str:
    module, name = getattr(thing, "__module__", None), getattr(thing, "__qualname__", None)
    return f"{module}.{name or type(thing).__qualname__}"


def _is_array(thing: object) -> bool:
    return hasattr(thing, "tolist") and hasattr(thing, "dtype")


def _is_library(module: str | None) -> bool:
    """Whether a module is Python's, installed, or one of ours: what it brings goes by its name."""
    if module is None or module.partition(".")[0] in _OURS or module in sys.builtin_module_names:
        return True
    file = getattr(sys.modules.get(module), "__file__", None)
    if file is None:  # at a prompt, or of a module that was made by a program
        return module.partition(".")[0] in sys.stdlib_module_names and module != "__main__"
    return file.startswith(_LIBRARIES) or "site-packages" in file or "dist-packages" in file


def _imported(node: ast.AST, module: Mapping[str, Any]) -> dict[str, Any]:
    """What a function imports of the application when it is called."""
    found: dict[str, Any] = {}
    for statement in syntax.imports(node):
        if isinstance(statement, ast.ImportFrom):
            names = [alias.name for alias in statement.names]
            source = module_beside(statement.module or "", module, statement.level, tuple(names))
            if source is not None:
                found |= {alias.asname or alias.name: getattr(source, alias.name, None) for alias in statement.names}
            continue
        for alias in statement.names:
            name = alias.name if alias.asname else alias.name.partition(".")[0]
            if (thing := module_beside(name, module)) is not None:
                found[alias.asname or name] = thing
    return found


# without a source


def _byte_code(code: types.CodeType) -> object:
    constants = [
        _byte_code(constant) if isinstance(constant, types.CodeType) else _Description().of(constant)
        for constant in code.co_consts
    ]
    return ["byte code", code.co_code.hex(), constants, list(code.co_names)]


def _global_names(code: types.CodeType) -> Iterator[str]:
    """The names that it looks up in its module; `co_names` has those of attributes, too."""
    yield from (step.argval for step in dis.get_instructions(code) if step.opname in ("LOAD_GLOBAL", "LOAD_NAME"))
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _global_names(constant)
