"""The modules of an application: its file and what lies beside it, which import each other by their plain names.

``import helpers`` in an application's file, or in a module beside it, finds ``helpers.py`` (or the package
``helpers/``) in the folder of that file first, as it does when Python runs the file as a script. But the folder is on
nobody else's path, and the module is not called ``helpers`` in `sys.modules`: a user's ``speed.py`` or ``random.py``
is not what our packages, or a library, get when they import a module of this name, and two applications in one
process may each have a ``helpers.py``.

So every module of an application has a name made from its path, and is executed with an ``__import__`` of its own,
which knows the folder. Pickles name a class by its module: they can be read wherever the application is loaded from
the same path.
"""

from __future__ import annotations

import builtins
import hashlib
import importlib
import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

_PREFIX = "anabranch_application_"
_OUR_FOLDER = Path(__file__).parent.parent
_OURS = frozenset({"anabranch", "eventlog", "batch", "speed", "serving", "infra"})
_folders: dict[Path, _Folder] = {}
"""The folders of the applications that this process has loaded."""
_known: dict[str, Path] = {}
"""What modules of these names are made from: those that were loaded or asked for."""


def load_module(path: Path) -> ModuleType:
    """The module of an application's file, executed once a process.

    Raises
    ------
    Exception
        What the file raises. It is then as if it, and what it imported from its folder, had never been loaded.
    """
    _folders.setdefault(path.parent, _Folder(path.parent))
    before = {name for name in sys.modules if is_application_module(name)}
    try:
        return importlib.import_module(_named(path))
    except BaseException:
        for name in [name for name in sys.modules if is_application_module(name) and name not in before]:
            del sys.modules[name]
        for folder in _folders.values():
            folder.find.cache_clear()
        raise


def module_name(path: Path) -> str:
    """The name in `sys.modules` of the module in this file, or of the package in this folder.

    >>> module_name(Path("/srv/my-app.py"))
    'anabranch_application_my_app_0166f1b9'
    """
    digest = hashlib.sha256(os.fsencode(path)).hexdigest()[:8]
    return f"{_PREFIX}{re.sub(r'[^0-9A-Za-z_]', '_', path.stem)}_{digest}"


def _named(path: Path) -> str:
    """Its name, under which it can be imported from now on."""
    name = module_name(path)
    _known[name] = path
    return name


def is_application_module(name: str) -> bool:
    """Whether a module of this name belongs to an application that `load_module` has loaded."""
    return name.startswith(_PREFIX)


def module_beside(
    name: str, importer: Mapping[str, Any], level: int = 0, names: Sequence[str] = ()
) -> ModuleType | None:
    """The module of an application that an import statement in another one of its modules would find.

    Parameters
    ----------
    name, level, names
        As in the statement: ``from ..lib import x`` has the name ``lib``, the level 2 and the names ``x``.
    importer
        The globals of the module with the statement.

    Returns
    -------
    ModuleType | None
        None: it is none of the application's, or cannot be imported.
    """
    importing = importer.get("__name__", "")
    if not is_application_module(importing):
        return None
    try:
        folder = _folders[_known[importing.partition(".")[0]].parent]
        top, _, rest = name.partition(".")
        if level == 0 and folder.beside(top, rest, names, importer) is None:
            return None
        return folder.import_(name, importer, None, names or ("__name__",), level)  # with names it is the last of a.b.c
    except Exception:  # the statement will raise it again, when it is executed
        return None


class _Folder:
    """The folder of an application's file.

    Attributes
    ----------
    find
        The module or package of a plain top-level name in it; None: there is none, and what is installed counts.
    builtins
        Those of the modules in it: Python's, but for ``__import__``.
    """

    def __init__(self, path: Path):
        self.path = path
        self.find: Any = cache(self._find)
        self.builtins = {**vars(builtins), "__import__": self.import_}

    def _find(self, name: str) -> Path | None:
        if name == "anabranch":  # what an application is written with is always ours
            return None
        if (package := self.path / name / "__init__.py").is_file():
            return package.parent
        if (file := self.path / f"{name}.py").is_file():
            return file
        return None

    def import_(
        self,
        name: str,
        globals: Mapping[str, Any] | None = None,  # noqa: A002 (the names of Python's own)
        locals: Mapping[str, Any] | None = None,  # noqa: A002
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        """What an import statement calls."""
        top, dot, rest = name.partition(".")
        # C code that imports on behalf of a module, like the unpickler, passes a list, and wants it in `sys.modules`
        path = None if level or isinstance(fromlist, list) else self.beside(top, rest, fromlist or (), globals or {})
        if path is None:
            return builtins.__import__(name, globals, locals, fromlist or (), level)
        known = _named(path)
        try:
            return builtins.__import__(known + dot + rest, globals, locals, fromlist or (), 0)
        except ModuleNotFoundError as error:
            if error.name is None or not error.name.startswith(known):
                raise
            plain = error.name.replace(known, top, 1)
            raise ModuleNotFoundError(f"No module named {plain!r} in {self.path}", name=plain) from None

    def beside(self, top: str, rest: str, fromlist: Iterable[str], importer: Mapping[str, Any]) -> Path | None:
        """What an import statement means by ``top.rest``, if it is in this folder."""
        found: Path | None = self.find(top)
        if found is None:
            return self._plain_folder(top, rest, fromlist)
        if found.suffix == ".py" and importer.get("__name__") == module_name(found):
            return None  # an application in ``river.py`` means the library when it imports river
        return found

    def _plain_folder(self, top: str, rest: str, fromlist: Iterable[str]) -> Path | None:
        """A folder without ``__init__.py``, if it has what is wanted; else it is only named like a library."""
        folder = self.path / top
        if top == "anabranch" or not folder.is_dir():
            return None
        first = rest.partition(".")[0]
        wanted = [folder / name for name in ([first] if first else fromlist)]
        return folder if any(path.with_suffix(".py").is_file() or path.is_dir() for path in wanted) else None


class _Loader(SourceFileLoader):
    """Executes a module with the imports of its folder."""

    def __init__(self, name: str, path: str, folder: _Folder):
        super().__init__(name, path)
        self._folder = folder

    def exec_module(self, module: ModuleType) -> None:
        """Python takes the builtins that it finds in the module."""
        module.__dict__["__builtins__"] = self._folder.builtins
        super().exec_module(module)


class _Finder(MetaPathFinder):
    """Finds the modules of applications, and ours whatever else on the path has the name of one of our packages."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """See `importlib.abc.MetaPathFinder`."""
        if fullname in _OURS:
            return PathFinder.find_spec(fullname, [str(_OUR_FOLDER)])
        if not is_application_module(fullname):
            return None
        if path is not None:
            return _spec_within(fullname, path)
        file = _known.get(fullname) or _searched(fullname)
        return None if file is None else _spec(fullname, file, _folders[file.parent])


def _searched(name: str) -> Path | None:
    """What has this name: a pickle may be read before anything has imported the module of its class."""
    files = (file for folder in [*_folders] for file in folder.iterdir())
    return next((file for file in files if module_name(file) == name), None)


def _spec(name: str, path: Path, folder: _Folder) -> ModuleSpec | None:
    if path.suffix == ".py":
        return spec_from_file_location(name, path, loader=_Loader(name, str(path), folder))
    if (file := path / "__init__.py").is_file():
        loader = _Loader(name, str(file), folder)
        return spec_from_file_location(name, file, loader=loader, submodule_search_locations=[str(path)])
    spec = ModuleSpec(name, None, is_package=True)
    spec.submodule_search_locations = [str(path)]
    return spec


def _spec_within(name: str, path: Sequence[str]) -> ModuleSpec | None:
    """A module of a package of an application."""
    spec = PathFinder.find_spec(name, path)
    top = sys.modules[name.partition(".")[0]].__path__[0]
    if spec is not None and type(spec.loader) is SourceFileLoader:
        spec.loader = _Loader(spec.loader.name, spec.loader.path, _folders[Path(top).parent])
    return spec


def _install(finders: list[Any], finder: Callable[[], MetaPathFinder]) -> None:
    if not any(type(known) is finder for known in finders):
        finders.insert(0, finder())


_install(sys.meta_path, _Finder)
