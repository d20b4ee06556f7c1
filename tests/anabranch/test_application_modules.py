"""What lies beside an application's file can be imported by it, and by nobody else."""

from __future__ import annotations

import importlib
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import speed
from anabranch import DefinitionError, load_app
from anabranch.application_modules import load_module, module_name

OURS = ("anabranch", "eventlog", "batch", "speed", "serving", "infra")


def written(folder: Path, **files: str) -> Path:
    """A folder with these files; ``__`` in a name is a folder's border."""
    for name, text in files.items():
        path = folder / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder / "app.py"


def test_a_module_a_package_and_a_folder_beside_it_can_be_imported(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        app="import helpers, lib.deep.words as words\nfrom plain import things\nfrom plain.things import thing\n"
        "from lib import deep\nimport lib.deep.words\n"
        "found = (helpers.a, words.b, thing, things.thing, lib.deep.words.b)\n"
        "def later():\n    from lib.late import late\n    return late\n",
        helpers="a = 1",
        plain__things="thing = 3",
        lib__late="from .deep.words import b\nfrom helpers import a\nlate = a + b",
        lib__deep__words="b = 2",
    )
    (tmp_path / "lib" / "__init__.py").touch()
    module = load_module(path)
    assert module.found == (1, 2, 3, 3, 2)
    assert module.later() == 3


def test_each_application_has_the_modules_of_its_own_folder(tmp_path: Path) -> None:
    modules = [
        load_module(
            written(tmp_path / name, app="import helpers\nfrom helpers import name", helpers=f"name = {name!r}")
        )
        for name in ("one", "two")
    ]
    assert [module.name for module in modules] == ["one", "two"]
    assert modules[0].helpers is not modules[1].helpers


def test_two_applications_of_one_folder_share_its_modules(tmp_path: Path) -> None:
    written(tmp_path, app="import helpers", other="import helpers, app", helpers="")
    app, other = load_module(tmp_path / "app.py"), load_module(tmp_path / "other.py")
    assert other.helpers is app.helpers
    assert other.app is app


@pytest.mark.parametrize("name", [*OURS[1:], "tests", "random", "pydantic", "river"])
def test_a_module_with_the_name_of_one_of_ours_or_a_librarys_is_the_applications_alone(
    tmp_path: Path, name: str
) -> None:
    path = written(tmp_path, app=f"import {name}\nfrom {name} import mine", **{name: "mine = 1"})
    assert load_module(path).mine == 1
    assert not hasattr(importlib.import_module(name), "mine")


def test_a_package_with_the_name_of_one_of_ours_is_the_applications_alone(tmp_path: Path) -> None:
    path = written(tmp_path, app="from speed.limits import limit", speed__limits="limit = 130")
    assert load_module(path).limit == 130
    assert sys.modules["speed"] is speed


def test_ours_can_be_imported_beside_a_folder_of_data_with_its_name(tmp_path: Path) -> None:
    path = written(tmp_path, app="from speed.blend.blend import Blend\nimport speed.blend, json.decoder")
    for name in ("speed", "json"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "numbers.csv").touch()
    assert load_module(path).Blend is importlib.import_module("speed.blend.blend").Blend


def test_an_application_that_has_the_name_of_a_library_imports_the_library(tmp_path: Path) -> None:
    written(tmp_path, river="from river import linear_model\nfound = linear_model.__name__")
    assert load_module(tmp_path / "river.py").found == "river.linear_model"


def test_what_an_application_is_written_with_is_always_ours(tmp_path: Path) -> None:
    path = written(tmp_path, app="from anabranch import App\napp = App('mine')", anabranch="mine = 1")
    assert load_app(str(path)).name == "mine"


def test_an_application_can_be_imported_by_what_it_imports(tmp_path: Path) -> None:
    path = written(tmp_path, app="limit = 5\nimport helpers", helpers="from app import limit\ntwice = 2 * limit")
    assert load_module(path).helpers.twice == 10


def test_a_class_of_a_module_beside_it_can_be_unpickled_before_anything_has_imported_it(tmp_path: Path) -> None:
    path = written(
        tmp_path, app="def thing():\n    import helpers\n    return helpers.Thing()", helpers="class Thing: pass"
    )
    (tmp_path / "thing.pickle").write_bytes(pickle.dumps(load_module(path).thing()))
    code = (
        "import pickle, sys; from pathlib import Path; from anabranch.application_modules import load_module\n"
        "load_module(Path(sys.argv[1])); print(type(pickle.loads(Path(sys.argv[2]).read_bytes())).__name__)"
    )
    command = [sys.executable, "-c", code, str(path), str(tmp_path / "thing.pickle")]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "Thing\n"


def test_a_module_that_is_missing_is_told_by_its_plain_name(tmp_path: Path) -> None:
    path = written(tmp_path, app="import lib.nothing", lib__something="")
    (tmp_path / "lib" / "__init__.py").touch()
    with pytest.raises(ModuleNotFoundError, match=r"No module named 'lib\.nothing'"):
        load_module(path)


@pytest.mark.parametrize("text", ["x = 1\n1 / 0", "x = 1\ndef ("])
def test_a_mistake_in_a_module_beside_it_is_told_with_its_line(tmp_path: Path, text: str) -> None:
    path = written(tmp_path, app="import helpers", helpers=text)
    with pytest.raises(DefinitionError) as caught:
        load_app(str(path))
    assert caught.value.location == f"{tmp_path / 'helpers.py'}:2"


def test_after_a_mistake_is_mended_everything_is_loaded_again(tmp_path: Path) -> None:
    path = written(tmp_path, app="import helpers, more", helpers="a = 1", more="1 / 0")
    with pytest.raises(ZeroDivisionError):
        load_module(path)
    written(tmp_path, app="import helpers, more\nfrom lib import b", helpers="a = 22", more="", lib="b = 333")
    assert (load_module(path).helpers.a, load_module(path).b) == (22, 333)


def test_our_packages_win_wherever_the_folder_of_an_application_is_on_the_path(tmp_path: Path) -> None:
    for name in OURS[1:]:
        written(tmp_path, **{name: "raise SystemExit('not ours')"})
    names = ", ".join(OURS[1:])
    code = f"import anabranch, sys; sys.path.insert(0, {str(tmp_path)!r}); import {names}, batch.duckdb_session"
    subprocess.run([sys.executable, "-P", "-c", code], check=True)


def test_the_folder_of_an_application_is_not_on_the_path(tmp_path: Path) -> None:
    load_module(written(tmp_path, app="import only_here", only_here=""))
    assert str(tmp_path) not in sys.path
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("only_here")


def test_names_of_modules_come_from_their_paths_whatever_these_hold() -> None:
    names = [module_name(Path(path)) for path in ("/a/my app.py", "/b/my app.py", "/a/my.app.py", "/a/\udcff.py")]
    assert len(set(names)) == 4
    assert all(name.isidentifier() for name in names)
