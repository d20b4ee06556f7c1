"""The tree of errors at the head of each `errors` module is the tree of its classes."""

from __future__ import annotations

import importlib
import inspect
import re

import pytest

MODULES = ("anabranch", "eventlog", "eventlog.store", "batch", "speed", "serving", "serving.sql", "infra")
_LINE = re.compile(r"^(?P<indent>(?:│   |    )*)(?:(?:├|└)── )?(?P<name>\w+(?:Error|Problem))\b")


def told(docstring: str) -> dict[str, str | None]:
    """By class that the docstring names, the one that it stands below; None: the root."""
    parents: dict[str, str | None] = {}
    above: list[str] = []
    for line in docstring.splitlines():
        found = _LINE.match(line)
        if found is None or (not above and "──" in line):
            continue
        depth = len(found["indent"]) // 4 + ("──" in line)
        if not depth and above:
            continue  # prose behind the tree
        del above[depth:]
        parents[found["name"]] = above[-1] if above else None
        above.append(found["name"])
    return parents


@pytest.mark.parametrize("package", MODULES)
def test_the_tree_in_the_docstring_is_that_of_the_classes(package: str) -> None:
    module = importlib.import_module(f"{package}.errors")
    parents = told(inspect.getdoc(module) or "")
    own = {
        name: cls
        for name, cls in vars(module).items()
        if isinstance(cls, type) and issubclass(cls, Exception) and cls.__module__ == module.__name__
    }
    assert own.keys() <= parents.keys(), "each class stands in the tree"
    for name, cls in own.items():
        bases = [base.__name__ for base in cls.__bases__ if base is not Exception]
        assert parents[name] is None or parents[name] in bases, name
    above = {base.__name__ for cls in own.values() for base in cls.__mro__}
    lost = parents.keys() - above
    assert lost == set(), "the tree names nothing that is not there"


@pytest.mark.parametrize("package", MODULES)
def test_every_error_has_a_sentence_of_its_own(package: str) -> None:
    module = importlib.import_module(f"{package}.errors")
    for name, cls in vars(module).items():
        if isinstance(cls, type) and issubclass(cls, Exception) and cls.__module__ == module.__name__:
            assert cls.__doc__, name
