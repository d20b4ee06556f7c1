"""Loading an application by path."""

from __future__ import annotations

import traceback
from pathlib import Path
from types import ModuleType

from anabranch.app import App
from anabranch.application_modules import is_application_module, load_module
from anabranch.errors import DefinitionError


def load_app(reference: str) -> App:
    """The application of ``file.py`` or ``file.py:name``.

    The same file is loaded once a process. Without a name the file must define exactly one `App`.

    Raises
    ------
    DefinitionError
        If there is no such file or application, or the file cannot be executed.
    """
    path, name = reference_parts(reference)
    where = f"application {reference!r}"
    if not path.is_file():
        raise DefinitionError(where, f"there is no file {path}", "Pass file.py or file.py:name")
    module = _module(path, where)
    apps = {key: value for key, value in vars(module).items() if isinstance(value, App)}
    for app in apps.values():
        for view in app.views.values():
            _ = view.fingerprint  # now, while what its functions use is as the file defined it
        for model in app.models.values():
            _ = model.learner_fingerprint
    if name:
        if name not in apps:
            raise DefinitionError(where, f"{path.name} defines no App named {name!r}", f"It defines: {_names(apps)}")
        return apps[name]
    if len(set(map(id, apps.values()))) != 1:
        raise DefinitionError(
            where, f"{path.name} defines {len(apps)} apps: {_names(apps)}", "Write app = App(...) or file.py:name"
        )
    return next(iter(apps.values()))


def reference_parts(reference: str) -> tuple[Path, str]:
    """The absolute path of the file of ``file.py`` or ``file.py:name``, and the name; "": none is given.

    A folder, and the file itself, may have a colon in its own name.
    """
    whole = Path(reference)
    file, colon, name = reference.rpartition(":")
    if whole.is_file() or not colon or "/" in name:
        return whole.resolve(), ""
    return Path(file).resolve(), name


def _names(apps: dict[str, App]) -> str:
    return ", ".join(apps) or "none"


def _module(path: Path, where: str) -> ModuleType:
    if path.suffix != ".py":
        raise DefinitionError(where, f"{path.name} is not a Python file", "Its name must end in .py")
    try:
        return load_module(path)
    except DefinitionError:
        raise
    except Exception as error:
        raise DefinitionError(
            where, f"{type(error).__name__}: {error}", "Mend the file and start again", _line(path, error)
        ) from error


def _line(path: Path, error: Exception) -> str:
    """``file:line`` of the line of the application that raised, or that is no Python; of the innermost, if several."""
    steps = traceback.walk_tb(error.__traceback__)
    lines = [
        f"{frame.f_code.co_filename}:{line}"
        for frame, line in steps
        if is_application_module(frame.f_globals.get("__name__", ""))
    ]
    if isinstance(error, SyntaxError) and Path(error.filename or "").is_relative_to(path.parent):
        lines.append(f"{error.filename}:{error.lineno}")
    return lines[-1] if lines else str(path)
