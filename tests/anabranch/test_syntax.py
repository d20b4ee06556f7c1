"""Where a function is defined, what it says in a form that is the same everywhere, and what it takes from outside."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from anabranch.application_modules import load_module
from anabranch.syntax import class_node, free_names, function_node, imports, module_node, normal_form


@pytest.fixture
def loaded(tmp_path: Path) -> Callable[[str], ModuleType]:
    def load(text: str) -> ModuleType:
        path = tmp_path / "app.py"
        path.write_text(text)
        return load_module(path)

    return load


def text_of(function: Any) -> str | None:
    node = function_node(function.__code__, function.__globals__)
    return None if node is None else ast.unparse(node)


def test_a_function_is_found_where_it_is_defined_decorated_nested_or_again(loaded: Callable[[str], ModuleType]) -> None:
    module = loaded(
        "def keep(f):\n    return f\n"
        "def f(x):\n    return 1\n"
        "@keep\n@keep\ndef g(x):\n    return 2\n"
        "def outer():\n    def f(x):\n        return 3\n    return f\n"
        "inner = outer()\n"
    )
    found = [str(text_of(function)).splitlines()[-1].strip() for function in (module.f, module.g, module.inner)]
    assert found == ["return 1", "return 2", "return 3"]


def test_of_lambdas_on_one_line_each_is_told_from_the_others(loaded: Callable[[str], ModuleType]) -> None:
    module = loaded(
        "a, b = lambda e: e.x, lambda e: e.y\n"
        "outer = lambda e: (lambda e: e.z)\n"
        "by = {'one': lambda e: 1, 'two': lambda e, f: 2}\n"
    )
    assert text_of(module.a) == "lambda e: e.x"
    assert text_of(module.b) == "lambda e: e.y"
    assert text_of(module.outer) == "lambda e: lambda e: e.z"
    assert text_of(module.outer(None)) == "lambda e: e.z"
    assert (text_of(module.by["one"]), text_of(module.by["two"])) == ("lambda e: 1", "lambda e, f: 2")


def test_a_function_whose_source_is_not_the_one_that_runs_is_not_found(
    loaded: Callable[[str], ModuleType], tmp_path: Path
) -> None:
    module = loaded("def f(x):\n    return 1\n")
    (tmp_path / "app.py").write_text("# the file was edited after it was loaded\n\n\nx = 1\n")
    assert text_of(module.f) is None
    (tmp_path / "app.py").write_text("def f(\n")
    assert text_of(module.f) is None
    names: dict[str, Any] = {}
    exec("def nowhere(x): return 1", names)
    assert text_of(names["nowhere"]) is None


def test_a_class_is_the_one_that_counts_of_several_in_one_place(loaded: Callable[[str], ModuleType]) -> None:
    module = loaded(
        "class A:\n    x = 1\nclass A:\n    x = 2\n    class B:\n        y = 3\nif True:\n    class C:\n        z = 4\n"
    )
    file = str(module.__file__)
    for cls, said in ((module.A, "x = 2"), (module.A.B, "y = 3"), (module.C, "z = 4")):
        node = class_node(cls, file, vars(module))
        assert node is not None
        assert ast.unparse(node.body[0]) == said


def test_a_module_without_source_has_no_tree(tmp_path: Path) -> None:
    assert module_node(str(tmp_path / "none.py"), {}) is None


def form(text: str) -> object:
    return normal_form(ast.parse(text).body[0])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("def f(x): return x + 1", "def f(x):\n    # why\n    return (x\n            + 1)"),
        ("def f(x): return 1", "def f(x: 'T', ) -> int:\n    '''What.'''\n    return 1"),
        ("def f(): return f'{a} b' 'c'", "def f(): return f'{a}' ' bc'"),
        ("def f(): return {1, 2, 'a'}", "def f(): return {'a', 2, 1}"),
        ("def f(x=1): return x", "def f(x=2): return x"),  # the value is to be had from the function itself
        ("@a\ndef f(): return 1", "@b\ndef f(): return 1"),
        ("def f(): pass", "def f(): '''Nothing.'''"),
        ("def f(): return 'é'", "def f(): return '\\xe9'"),
    ],
)
def test_what_means_the_same_has_one_form(one: str, other: str) -> None:
    assert form(one) == form(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("def f(x): return x + 1", "def f(x): return x - 1"),
        ("def f(x): return 1", "def f(x): return 1.0"),
        ("def f(x): return 1", "def f(x): return True"),
        ("def f(x): return 'a'", "def f(x): return b'a'"),
        ("def f(x): return [1, 2]", "def f(x): return [2, 1]"),
        ("def f(x, y): return x", "def f(y, x): return x"),
        ("def f(x): return x", "def f(*, x): return x"),
        ("def f(*x): return x", "def f(**x): return x"),
        ("def f(x): return f'{x}'", "def f(x): return f'{x!r}'"),
        ("def f(x): return f'{x:.1f}'", "def f(x): return f'{x:.2f}'"),
        ("def f(): return lambda y=1: y", "def f(): return lambda y=2: y"),  # an inner default is part of the body
        ("def f(): 'a'; return 1", "def f(): return 'a'; return 1"),
        ("def f(): return 1", "async def f(): return 1"),
    ],
)
def test_what_means_something_else_has_another_form(one: str, other: str) -> None:
    assert form(one) != form(other)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("def f(x): return x + y", ["y"]),
        ("def f(x=default): return x", []),  # what the outermost default is, the function itself knows
        ("def f(x): return a.b.c + a", ["a", "a.b.c"]),
        ("def f(x): return [y for y in x if y > z]", ["z"]),
        ("def f(x): return [y for x in x for y in x] + [y]", ["y"]),
        ("def f(x):\n    global g\n    g = 1\n    return g", ["g"]),
        ("def f(x):\n    total = 0\n    for y in x:\n        total += y\n    return total", []),
        ("def f(x):\n    def g(a=outside): return a + inside\n    return g", ["inside", "outside"]),
        ("def f(x):\n    try: pass\n    except Wrong as error: return error", ["Wrong"]),
        (
            "def f(x):\n    match x:\n        case {'a': a, **rest}: return a, rest\n        case [*more]: return more",
            [],
        ),
        ("def f(x): return (y := x) + y", []),
        ("def f(x): return (lambda x: x + k)(x)", ["k"]),
        ("def f(x):\n    y: Kind = x\n    return y", []),
        ("def f(x):\n    import math\n    return math.pi", ["math.pi"]),
        ("def f(x): return x.a.b", []),
        ("def f(x): return g(x).attribute", ["g"]),
    ],
)
def test_the_names_that_a_function_takes_from_outside(text: str, names: list[str]) -> None:
    assert free_names(ast.parse(text).body[0]) == names


def test_the_imports_within_a_function_are_found_wherever_they_stand() -> None:
    tree = ast.parse("def f():\n    import a\n    if x:\n        from b import c\n    def g():\n        import d\n")
    assert [ast.unparse(found) for found in imports(tree)] == ["import a", "from b import c", "import d"]
