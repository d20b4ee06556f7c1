"""Applications load by path, and a file that cannot be one says why."""

from __future__ import annotations

from pathlib import Path

import pytest

from anabranch import DefinitionError, load_app

SOUND = """
from pydantic import BaseModel
from anabranch import App, agg

class Click(BaseModel):
    page: str

app = App("clicks")
clicks = app.stream("clicks", Click)
app.view("pages", of=clicks, by="page", n=agg.count())
"""


def refusal(reference: str | Path) -> DefinitionError:
    with pytest.raises(DefinitionError) as caught:
        load_app(str(reference))
    return caught.value


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_an_application_loads_by_path_once_a_process(tmp_path: Path) -> None:
    path = written(tmp_path / "my-app.py", SOUND)
    app = load_app(str(path))
    assert (app.name, list(app.streams), list(app.views)) == ("clicks", ["clicks"], ["pages"])
    assert load_app(str(path)) is app
    assert load_app(f"{path}:app") is app


def test_two_files_of_one_name_do_not_meet(tmp_path: Path) -> None:
    paths = [written(tmp_path / f"{n}", "") for n in ("x", "y")]
    for path in paths:
        path.unlink()
        path.mkdir()
        written(path / "app.py", SOUND.replace('App("clicks")', f'App("{path.name}")'))
    assert [load_app(str(path / "app.py")).name for path in paths] == ["x", "y"]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert f"there is no file {tmp_path / 'nowhere.py'}" in str(refusal(tmp_path / "nowhere.py"))
    assert "there is no file" in str(refusal(tmp_path))


def test_an_application_of_another_name_is_not_found_but_the_known_ones_are_listed(tmp_path: Path) -> None:
    path = written(tmp_path / "app.py", SOUND + "\nother = App('other')\n")
    assert load_app(f"{path}:other").name == "other"
    assert "defines no App named 'third'. It defines: app, other" in str(refusal(f"{path}:third"))
    assert "defines 2 apps: app, other" in str(refusal(path))
    assert "defines 0 apps: none" in str(refusal(written(tmp_path / "none.py", "x = 1")))


def test_two_names_of_one_application_are_one(tmp_path: Path) -> None:
    assert load_app(str(written(tmp_path / "app.py", SOUND + "\nsame = app\n"))).name == "clicks"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("app.view('broken', of=clicks, n=agg.mean('page'))", "mean('page') needs a number, and page is text"),
        ("app.view('broken', of=clicks, n=agg.quantile('page', 2))", "q=2 is not a number from 0 to 1"),
        ("app.view('broken', of=clicks, n=agg.sum())", "TypeError"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("import nothing_of_this_name", "No module named 'nothing_of_this_name'"),
        ("def (", "SyntaxError"),
    ],
)
def test_a_mistake_in_the_file_is_told_with_its_line(tmp_path: Path, line: str, says: str) -> None:
    path = written(tmp_path / "app.py", SOUND + line + "\n")
    error = refusal(path)
    assert says in str(error)
    assert error.location == f"{path}:{len(SOUND.splitlines()) + 1}"


def test_a_mended_file_loads_after_a_broken_one(tmp_path: Path) -> None:
    path = written(tmp_path / "app.py", "1 / 0")
    refusal(path)
    written(path, SOUND + "# mended\n")
    assert load_app(str(path)).name == "clicks"
