"""The source of a function or a class as a syntax tree, in a form that is the same under every Python.

Byte code differs from one Python to the next; the text of a source differs with every comment. The tree of its syntax
does neither, once what does not change a result is left out: places, contexts, docstrings, annotations of functions,
and what newer versions of `ast` have added and is not used.
"""

from __future__ import annotations

import ast
import linecache
import types
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_LEFT_OUT = frozenset({"ctx", "kind", "type_comment", "type_ignores", "returns", "type_params", "conversion"})


def function_node(code: types.CodeType, module: Mapping[str, object]) -> Function | None:
    """Where a function is defined; None: its source cannot be had, or it is not the one that runs.

    Parameters
    ----------
    module
        The globals of its module.
    """
    tree = module_node(code.co_filename, module)
    found = [] if tree is None else [node for node in ast.walk(tree) if isinstance(node, _SCOPES)]
    found = [node for node in found if _first_line(node) == code.co_firstlineno and _looks_like(node, code)]
    if len(found) > 1:  # lambdas on one line, perhaps one in the other
        holding = [node for node in found if _holds(node, code)]
        found = [max(holding, key=lambda node: (node.lineno, node.col_offset))] if holding else found
    return found[0] if len(found) == 1 else None


def class_node(cls: type, file: str, module: Mapping[str, object]) -> ast.ClassDef | None:
    """Where a class is defined; None: its source cannot be had. Of several in one place the last, which counts."""
    tree = module_node(file, module)
    inside: ast.AST | None = tree
    for name in cls.__qualname__.replace(".<locals>", "").split("."):
        found = [] if inside is None else [node for node in _within(inside) if getattr(node, "name", None) == name]
        inside = found[-1] if found else None
    return inside if isinstance(inside, ast.ClassDef) else None


def module_node(file: str, module: Mapping[str, object]) -> ast.Module | None:
    """The tree of a module; None: its source cannot be had."""
    linecache.checkcache(file)
    text = "".join(linecache.getlines(file, dict(module)))
    try:
        return _parsed(text) if text else None
    except (SyntaxError, ValueError):
        return None


@lru_cache(maxsize=64)
def _parsed(text: str) -> ast.Module:
    return ast.parse(text)


def _within(node: ast.AST) -> Iterator[ast.AST]:
    """What is defined directly within this, `if` and `with` and the like looked through."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (*_SCOPES, ast.ClassDef)):
            yield child
        else:
            yield from _within(child)


def _first_line(node: Function) -> int:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def _looks_like(node: Function, code: types.CodeType) -> bool:
    names = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
    count = code.co_argcount + code.co_kwonlyargcount
    return getattr(node, "name", "<lambda>") == code.co_name and len(names) == count


def _holds(node: Function, code: types.CodeType) -> bool:
    """Whether all that the code does stands in the body of this lambda."""
    places = [(line, column) for line, _, column, end in code.co_positions() if line and column is not None and end]
    return bool(places) and all(_around(node.body, place) for place in places)


def _around(node: ast.expr | list[ast.stmt], place: tuple[int, int]) -> bool:
    assert isinstance(node, ast.expr)
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    return (node.lineno, node.col_offset) <= place < (node.end_lineno, node.end_col_offset)


# the form


def normal_form(node: ast.AST) -> object:
    """The tree as plain data: equal for trees that mean the same but for comments, docstrings and annotations.

    Of the outermost function the decorators and the values of defaults are left out: they belong to where it is
    defined, and are to be had from the function itself.

    >>> one = ast.parse("def f(x): return x in {'a', 'b'}  # a comment").body[0]
    >>> other = ast.parse("def f(x: str) -> bool: 'A docstring.'; return (x in {'b', 'a'})").body[0]
    >>> normal_form(one) == normal_form(other)
    True
    """
    if isinstance(node, _SCOPES):
        arguments = _arguments(node.args)
        return [type(node).__name__, arguments, _form(node.body) if isinstance(node, ast.Lambda) else _body(node.body)]
    return _form(node)


def _form(node: object) -> object:
    if isinstance(node, list):
        return [_form(item) for item in node]
    if not isinstance(node, ast.AST):
        return node if isinstance(node, (str, int)) else repr(node)
    if isinstance(node, ast.Constant):
        return [type(node.value).__name__, ascii(node.value)]  # what repr escapes differs with the version of Unicode
    if isinstance(node, ast.JoinedStr):
        return ["JoinedStr", *_joined(node.values)]
    if isinstance(node, ast.Set):
        return ["Set", sorted((_form(item) for item in node.elts), key=repr)]
    fields: list[object] = [type(node).__name__]
    for name, value in ast.iter_fields(node):
        if name in _LEFT_OUT or value is None or value == []:
            continue
        if name == "annotation" and isinstance(node, ast.arg):
            continue
        told = _body(value) if name == "body" and isinstance(value, list) else _form(value)
        fields.append([name, told])
    if isinstance(node, ast.FormattedValue) and node.conversion != -1:
        fields.append(["conversion", node.conversion])
    return fields


def _body(statements: list[ast.stmt]) -> object:
    first = statements[0] if statements else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        statements = statements[1:]
    return [_form(statement) for statement in statements if not isinstance(statement, ast.Pass)]


def _joined(values: Iterable[ast.expr]) -> list[object]:
    """The parts of an f-string, texts that follow each other as one: versions of Python cut them differently."""
    parts: list[object] = []
    text = ""
    for value in values:
        if isinstance(value, ast.Constant):
            text += str(value.value)
            continue
        if text:
            parts.append(ascii(text))
        text = ""
        parts.append(_form(value))
    return [*parts, ascii(text)] if text else parts


def _arguments(arguments: ast.arguments) -> object:
    names = [[a.arg for a in group] for group in (arguments.posonlyargs, arguments.args, arguments.kwonlyargs)]
    return [*names, *(a.arg if a else "" for a in (arguments.vararg, arguments.kwarg))]


# names


def free_names(node: ast.AST) -> list[str]:
    """The names that it takes from outside, in order; of attributes of such a name the whole path: ``helpers.limit``.

    >>> free_names(ast.parse("lambda x: [y + a.b.c for y in x if y > limit]").body[0].value)
    ['a.b.c', 'limit']
    """
    return sorted(set(_free(node, frozenset(), outermost=True)))


def imports(node: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """The import statements within it."""
    return (child for child in ast.walk(node) if isinstance(child, (ast.Import, ast.ImportFrom)))


def _free(node: ast.AST, bound: frozenset[str], *, outermost: bool = False) -> Iterator[str]:
    if isinstance(node, _SCOPES):
        if not outermost:
            yield from _free_all([*node.args.defaults, *filter(None, node.args.kw_defaults)], bound)
            yield from _free_all(getattr(node, "decorator_list", ()), bound)
        inside = bound | _bound(node)
        yield from _free_all(node.body if isinstance(node.body, list) else [node.body], inside)
        return
    if isinstance(node, ast.Attribute) and (path := _path(node)) is not None:
        if path.partition(".")[0] not in bound:
            yield path
        return
    if isinstance(node, ast.Name):
        if isinstance(node.ctx, ast.Load) and node.id not in bound:
            yield node.id
        return
    if isinstance(node, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
        bound = bound | frozenset(_stored(node.generators))
    if isinstance(node, ast.AnnAssign):
        yield from _free_all([n for n in (node.target, node.value) if n is not None], bound)
        return
    yield from _free_all(ast.iter_child_nodes(node), bound)


def _free_all(nodes: Iterable[ast.AST], bound: frozenset[str]) -> Iterator[str]:
    for node in nodes:
        yield from _free(node, bound)


def _path(node: ast.expr) -> str | None:
    if isinstance(node, ast.Name):
        return node.id
    inside = _path(node.value) if isinstance(node, ast.Attribute) else None
    return f"{inside}.{node.attr}" if inside is not None and isinstance(node, ast.Attribute) else None


def _bound(node: Function) -> frozenset[str]:
    """The names that are a function's own."""
    arguments = node.args
    every = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg)
    statements = node.body if isinstance(node.body, list) else [node.body]
    own = {a.arg for a in every if a is not None} | set(_stored(statements))
    return frozenset(
        own - {name for s in statements for n in ast.walk(s) if isinstance(n, ast.Global) for name in n.names}
    )


def _stored(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """The names that are given a value here, not in functions, classes and comprehensions within."""
    for node in nodes:
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id
        if isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)) and node.name:
            yield node.name
        if isinstance(node, ast.MatchMapping) and node.rest:
            yield node.rest
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
            walrus = (child.target for child in ast.walk(node) if isinstance(child, ast.NamedExpr))
            yield from _stored(walrus)
        elif not isinstance(node, ast.Lambda):
            yield from _stored(ast.iter_child_nodes(node))
