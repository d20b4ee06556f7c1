"""Loading an application by path."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
import traceback
from pathlib import Path

from anabranch.app import App
from anabranch.errors import DefinitionError


def load_app(reference: str) -> App:
    """The application of ``file.py`` or ``file.py:name``.

    The same file is loaded once a process. Without a name the file must define exactly one `App`.

    Raises
    ------
    DefinitionError
        If there is no such file or application, or the file cannot be executed.
    """
    path_text, _, name = reference.partition(":")
    path = Path(path_text).resolve()
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


def _names(apps: dict[str, App]) -> str:
    return ", ".join(apps) or "none"


def _module(path: Path, where: str) -> object:
    digest = hashlib.sha256(str(path).encode()).hexdigest()[:8]
    module_name = f"anabranch_application_{path.stem.replace('-', '_')}_{digest}"
    if module_name in sys.modules:
        return sys.modules[module_name]
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        raise DefinitionError(where, f"{path.name} is not a Python file", "Its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module  # pydantic and pickle look classes up by their module
    try:
        spec.loader.exec_module(module)
    except DefinitionError:
        del sys.modules[module_name]
        raise
    except Exception as error:
        del sys.modules[module_name]
        raise DefinitionError(
            where, f"{type(error).__name__}: {error}", "Mend the file and start again", _line(path, error)
        ) from error
    return module


def _line(path: Path, error: Exception) -> str:
    """``file:line`` of the line in the file that raised, or that is no Python."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    if isinstance(error, SyntaxError) and error.filename == str(path):
        lines.append(error.lineno)
    return f"{path}:{lines[-1]}" if lines else str(path)
