"""Fingerprints change with what a definition does, and with nothing else."""

from __future__ import annotations

import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from anabranch import load_app
from anabranch.application_modules import load_module
from anabranch.fingerprint import described, digest


class Folders:
    """Applications, each in a folder of its own."""

    def __init__(self, root: Path):
        self.root = root
        self.count = 0

    def print_of(self, app: str, **beside: str) -> str:
        """The fingerprint of what is called `f` in an application's file."""
        self.count += 1
        folder = self.root / str(self.count)
        for name, text in {"app": app, **beside}.items():
            path = folder / f"{name.replace('__', '/', 1)}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return digest(described(load_module(folder / "app.py").f))


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(tmp_path)


PLAIN = "def f(event):\n    return event.a + limit\nlimit = 1\n"
SAME = {
    "a comment": (PLAIN, "# one\ndef f(event):  # two\n    # three\n    return event.a + limit\nlimit = 1  # four\n"),
    "formatting": (
        PLAIN,
        "limit = 1\n\n\ndef f(\n  event,\n):\n    return (\n        event.a + limit\n    )\n",
    ),
    "a docstring": (PLAIN, PLAIN.replace("    return", "    'What it does.'\n    return")),
    "annotations": (PLAIN, PLAIN.replace("f(event)", "f(event: 'Event') -> int")),
    "quotes and numbers": ("f = lambda e: e['a'] + 1_000", 'f = lambda e: e["a"] + 1000'),
    "the order of a set": ("f = lambda e: e in {'a', 'b'}", "f = lambda e: e in {'b', 'a'}"),
    "texts side by side": ("f = lambda e: f'{e.a} km' 'h'", "f = lambda e: f'{e.a}' ' kmh'"),
    "a lambda beside it": ("f, g = lambda e: 1, lambda e: 2", "f, g = lambda e: 1, lambda e: 3"),
    "a function that it does not name": (PLAIN, PLAIN + "def other():\n    return 2\n"),
    "a global with the name of an attribute": (PLAIN, PLAIN + "a = 7\n"),
    "a global with the name of its own variable": (
        "def f(events):\n    return [x for x in events]\n",
        "x = 7\ndef f(events):\n    return [x for x in events]\n",
    ),
    "what decorates it": (
        f"def noted(**options):\n    return lambda function: function\n@noted(trees=1)\n{PLAIN}",
        f"def noted(**options):\n    return lambda function: function\n@noted(trees=2)\n{PLAIN}",
    ),
    "where a name of a library comes from": ("import math\nf = math.floor", "from math import floor as f"),
}
DIFFERENT = {
    "its body": (PLAIN, PLAIN.replace("+", "-")),
    "a constant": (PLAIN, PLAIN.replace("= 1", "= 2")),
    "the type of a constant": (PLAIN, PLAIN.replace("= 1", "= 1.0")),
    "a table": (
        "table = {'a': [1, 2], 'b': []}\nf = lambda e: table[e.a]",
        "table = {'a': [1, 3], 'b': []}\nf = lambda e: table[e.a]",
    ),
    "a date": (
        "from datetime import date\nday = date(2024, 1, 1)\nf = lambda e: e.day > day",
        "from datetime import date\nday = date(2024, 1, 2)\nf = lambda e: e.day > day",
    ),
    "an array": (
        "import numpy\nweights = numpy.array([1.0, 2.0])\nf = lambda e: weights @ e.a",
        "import numpy\nweights = numpy.array([1.0, 2.5])\nf = lambda e: weights @ e.a",
    ),
    "one of two lambdas on a line": ("g, f = lambda e: 1, lambda e: 2", "g, f = lambda e: 1, lambda e: 3"),
    "a lambda in a keyword argument": (
        "d = dict(g=lambda e: e.a, f=lambda e: e.b); f = d['f']",
        "d = dict(g=lambda e: e.a, f=lambda e: e.c); f = d['f']",
    ),
    "a lambda in a lambda": ("f = (lambda x: lambda y: y)(1)", "f = (lambda x: lambda y: -y)(1)"),
    "what it closes over": (
        "def make(a):\n    return lambda e: e.a > a\nf = make(1)",
        "def make(a):\n    return lambda e: e.a > a\nf = make(2)",
    ),
    "a default": ("def f(e, a=[1]):\n    return a", "def f(e, a=[2]):\n    return a"),
    "a default that is a keyword": ("def f(e, *, a=1):\n    return a", "def f(e, *, a=2):\n    return a"),
    "what is bound by a partial": (
        "from functools import partial\ndef g(a, e):\n    return a\nf = partial(g, 1)",
        "from functools import partial\ndef g(a, e):\n    return a\nf = partial(g, 2)",
    ),
    "a helper": (
        "def g(e):\n    return e\ndef f(e):\n    return g(e)",
        "def g(e):\n    return -e\ndef f(e):\n    return g(e)",
    ),
    "a helper that is cached": (
        "from functools import cache\n@cache\ndef g(e):\n    return e\nf = lambda e: g(e)",
        "from functools import cache\n@cache\ndef g(e):\n    return -e\nf = lambda e: g(e)",
    ),
    "a method": (
        "class C:\n    def m(self, e):\n        return e\nf = C().m",
        "class C:\n    def m(self, e):\n        return -e\nf = C().m",
    ),
    "the object of a method": (
        "class C:\n    def m(self, e):\n        return self.a\nc = C()\nc.a = 1\nf = c.m",
        "class C:\n    def m(self, e):\n        return self.a\nc = C()\nc.a = 2\nf = c.m",
    ),
    "a callable object": (
        "class C:\n    def __call__(self, e):\n        return e.a\nf = C()",
        "class C:\n    def __call__(self, e):\n        return e.b\nf = C()",
    ),
    "what a callable object inherits": (
        "class B:\n    def __call__(self, e):\n        return 1\nclass C(B):\n    pass\nf = C()",
        "class B:\n    def __call__(self, e):\n        return 2\nclass C(B):\n    pass\nf = C()",
    ),
    "a member of an enumeration": (
        "from enum import Enum\nclass K(Enum):\n    A = 1\nf = lambda e: e == K.A.value",
        "from enum import Enum\nclass K(Enum):\n    A = 2\nf = lambda e: e == K.A.value",
    ),
    "a class that it makes": (
        "class C:\n    size = 1\ndef f(e):\n    return C().size",
        "class C:\n    size = 2\ndef f(e):\n    return C().size",
    ),
    "what an estimator is made with": (
        "from sklearn.linear_model import Ridge\nridge = Ridge(alpha=1.0)\nf = lambda: ridge",
        "from sklearn.linear_model import Ridge\nridge = Ridge(alpha=2.0)\nf = lambda: ridge",
    ),
    "which function of a library": ("import math\nf = math.floor", "import math\nf = math.ceil"),
}


@pytest.mark.parametrize("what", SAME)
def test_it_does_not_follow(folders: Folders, what: str) -> None:
    one, other = SAME[what]
    assert folders.print_of(one) == folders.print_of(other)


@pytest.mark.parametrize("what", DIFFERENT)
def test_it_follows(folders: Folders, what: str) -> None:
    one, other = DIFFERENT[what]
    assert folders.print_of(one) != folders.print_of(other)
    assert folders.print_of(one) == folders.print_of(one)


HELPERS = "limit = 1\ndef twice(e):\n    return 2 * rounded(e)\ndef rounded(e):\n    return round(e, limit)\n"


@pytest.mark.parametrize(
    "app",
    [
        "from helpers import twice\ndef f(e):\n    return twice(e)",
        "import helpers\ndef f(e):\n    return helpers.twice(e)",
        "import helpers as h\nf = lambda e: max(h.twice(x) for x in e)",
        "def f(e):\n    from helpers import twice\n    return twice(e)",
        "def f(e):\n    import helpers\n    return helpers.twice(e)",
        "from helpers import twice as f",
        "from functools import partial\nimport helpers\nf = partial(helpers.twice)",
    ],
)
def test_it_follows_the_helpers_in_modules_beside_the_applications_file(folders: Folders, app: str) -> None:
    known = folders.print_of(app, helpers=HELPERS)
    assert known == folders.print_of(app, helpers=HELPERS.replace("limit = 1\n", "limit = 1  # a comment\n\n"))
    assert known == folders.print_of(app, helpers=HELPERS + "def other():\n    return 1\n")
    assert known != folders.print_of(app, helpers=HELPERS.replace("2 *", "3 *"))
    assert known != folders.print_of(app, helpers=HELPERS.replace("round(e, limit)", "round(e, limit + 1)"))
    assert known != folders.print_of(app, helpers=HELPERS.replace("limit = 1", "limit = 2"))


def test_it_follows_helpers_in_packages_imported_relatively(folders: Folders) -> None:
    app = "from lib.a import f"
    within = "def f(e):\n    from .b import g\n    return g(e)\n"
    beside = "def g(e):\n    return e\n"
    known = folders.print_of(app, lib__a=within, lib__b=beside)
    assert known != folders.print_of(app, lib__a=within, lib__b=beside.replace("return e", "return -e"))


@pytest.mark.parametrize("package", [True, False])
@pytest.mark.parametrize(
    "app",
    ["def f(e):\n    from lib import b\n    return b.g(e)", "def f(e):\n    import lib.b as b\n    return b.g(e)"],
)
def test_it_follows_modules_that_are_imported_when_the_function_is_called(
    folders: Folders, app: str, package: bool
) -> None:
    beside = {"lib__b": "def g(e):\n    return e\n", **({"lib____init__": ""} if package else {})}
    changed = {**beside, "lib__b": "def g(e):\n    return -e\n"}
    assert folders.print_of(app, **beside) == folders.print_of(app, **beside)
    assert folders.print_of(app, **beside) != folders.print_of(app, **changed)


def test_functions_that_call_each_other_have_one(folders: Folders) -> None:
    text = "def f(e):\n    return e and g(e)\ndef g(e):\n    return e and f(e - 1)\n"
    assert folders.print_of(text) == folders.print_of(text)
    assert folders.print_of(text) != folders.print_of(text.replace("e - 1", "e - 2"))


def test_objects_that_differ_from_process_to_process_go_by_their_class(folders: Folders) -> None:
    text = (
        "import logging, random, threading\n"
        "logger, lock, chance = logging.getLogger('x'), threading.Lock(), random.Random()\n"
        "def f(e):\n    logger.info('x')\n    with lock:\n        return chance\n"
    )
    known = folders.print_of(text)
    folders_logger = "import logging\nlogging.getLogger('x.y').setLevel(1)\n"
    assert folders.print_of(folders_logger + text) == known


def made(source: str) -> Callable[..., Any]:
    """The function `f` of a module that has no file."""
    module = types.ModuleType("application")
    exec(compile(source, "application.py", "exec"), module.__dict__)
    found: Callable[..., Any] = module.f
    return found


def test_without_a_source_the_byte_code_counts_and_what_it_names() -> None:
    helper, function = "def help(event):\n    return event\n", "def f(event):\n    return limit + help(event).limit\n"
    known = described(made(f"limit = 1\n{helper}{function}"))
    assert known == described(made(f"limit = 1\n{helper}{function}  # a comment"))
    assert known != described(made(f"limit = 2\n{helper}{function}"))
    assert known != described(made(f"limit = 1\n{helper.replace('return event', 'return event.parent')}{function}"))


APPLICATION = """
import functools
from datetime import date
from decimal import Decimal
from enum import Enum
from pathlib import Path
from pydantic import BaseModel
from anabranch import App, agg
from helpers import clean, Kind

class Page(BaseModel):
    url: str
    size: int = 0

app = App("pages")
pages = app.stream("pages", Page)
KNOWN = {"e": 1.5, "é🚲": (1, None, b"x"), "day": date(2024, 2, 29), "price": Decimal("1.50"), "at": Path("/srv/x")}
STOP = {"the", "a", "of", "and"}

class Limit:
    __slots__ = ("words",)
    def __init__(self, *words):
        self.words = frozenset(words)
    def __call__(self, page):
        return page.url in self.words or page.size > max(n for n in (1, 2) if n in KNOWN)

def keys(page: Page, *, words=("q", "r")) -> list[str]:
    "The words of a page."
    match page.url:
        case "x" | "y":
            return []
        case [first, *rest] if (n := len(rest)) > 2:
            return [f"{first!r:>{n}} of {n}" "!" f"{page.size + 1:.2f}"]
    try:
        return [clean(w) for w in page.url.split() if w not in STOP and w not in words] + [*(lambda x, /: [x])("é")]
    except (ValueError, TypeError) as error:
        return [str(error), Kind.BIG.name, -1.5e3, ..., {**KNOWN}, {"b", "a"}]

app.view("plain", of=pages, by="url", n=agg.count(), sizes=agg.sum("size"))
app.view("words", of=pages, by=keys, n=agg.count(where=Limit("x", "y")), m=agg.count(where=lambda p: p.size > 3))
app.view("part", of=pages, by=functools.partial(keys, words={"k", "l"}), n=agg.count(), where=lambda p: p.size)
"""
BESIDE = '''
from enum import Enum
class Kind(str, Enum):
    """How large."""
    BIG = "big"
def clean(word):
    def inner(text, sep=" "):
        return sep.join(text.split()).casefold()
    return inner(word) if word else Kind.BIG.value
'''
EXPECTED = "021e49bf510730b1 0c7253ab231af560 e1d1de1b49d913df"


def test_the_same_under_every_python_and_in_every_process(tmp_path: Path) -> None:
    """Recorded under one Python: if another finds something else, what differs belongs into `anabranch.syntax`."""
    (tmp_path / "app.py").write_text(APPLICATION)
    (tmp_path / "helpers.py").write_text(BESIDE)
    here = " ".join(view.fingerprint for view in load_app(str(tmp_path / "app.py")).views.values())
    script = (
        "import sys; from anabranch import load_app\n"
        "print(*(view.fingerprint for view in load_app(sys.argv[1]).views.values()))"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "app.py")]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == here
    assert here == EXPECTED
