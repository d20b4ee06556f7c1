"""What the image installs: exactly what is pinned and needed, each file by its hash."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.pins import canonical, pins
from tests.sbom import problems

ROOT = Path(__file__).parent.parent.parent
PINNED = pins((ROOT / "constraints.txt").read_text())
IN_IMAGE = (ROOT / "infra" / "requirements.txt").read_text()
TO_BUILD = (ROOT / "infra" / "build-requirements.txt").read_text()
LINUX = {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix", "python_version": "3.11"}


def closure(wanted: Iterable[str]) -> set[str]:
    """All that some requirements need in the image, as what is installed says."""
    todo = [(text, frozenset({""})) for text in wanted]
    seen: set[tuple[str, frozenset[str]]] = set()
    while todo:
        text, extras = todo.pop()
        needed = Requirement(text)
        marker = needed.marker
        if marker is not None and not any(marker.evaluate({**LINUX, "extra": extra}) for extra in extras):
            continue
        found = (canonical(needed.name), frozenset({"", *needed.extras}))
        if found not in seen:
            seen.add(found)
            todo += [(text, found[1]) for text in requires(found[0]) or ()]
    return {name for name, _ in seen}


def test_the_image_has_all_that_the_program_needs_and_nothing_else() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]  # an editable install may be older
    wanted = [*project["dependencies"], *project["optional-dependencies"]["postgresql"]]
    assert pins(IN_IMAGE).keys() == closure(wanted), "run make lock"


@pytest.mark.parametrize("requirements", [IN_IMAGE, TO_BUILD], ids=["image", "build"])
def test_every_version_is_the_one_of_the_constraints_and_every_file_has_a_hash(requirements: str) -> None:
    found = pins(requirements)
    assert found
    assert found == {name: PINNED[name] for name in found}
    blocks = re.split(r"\n(?=\S)", requirements.split("\n", 1)[1].strip())
    assert len(blocks) == len(found)
    for block in blocks:
        assert re.fullmatch(r"\S+==\S+( ; [^\\]+)?( \\\n    --hash=sha256:[0-9a-f]{64})+", block), block[:200]


@pytest.mark.parametrize("name", ["constraints.txt", "infra/requirements.txt", "infra/build-requirements.txt"])
def test_no_pinned_file_says_from_where_it_came(name: str) -> None:
    assert "://" not in (ROOT / name).read_text()
    assert "--index" not in (ROOT / name).read_text()


def component(name: str, version: str) -> dict[str, object]:
    purl = f"pkg:pypi/{name}@{version}"
    return {"name": name, "version": version, "purl": purl, "bom-ref": purl, "licenses": [{"license": {"id": "MIT"}}]}


def test_what_a_bill_of_materials_lacks_is_told() -> None:
    whole = {
        "bomFormat": "CycloneDX",
        "metadata": {"component": {"name": "anabranch"}},
        "components": [component("a-b", "1"), component("c", "2")],
        "dependencies": [{"ref": "pkg:pypi/a-b@1"}, {"ref": "pkg:pypi/c@2"}],
    }
    assert list(problems(whole, {"a-b": "1", "c": "2"})) == []
    assert list(problems(whole, {"a-b": "2", "d": "1"})) == ["a-b 2 is not in it", "d 1 is not in it"]
    poor = {**whole, "components": [{**component("c", "2"), "licenses": [], "purl": ""}], "dependencies": []}
    assert list(problems(poor, {"c": "2"})) == [
        "c has no package URL",
        "c has no licence",
        "what c depends on is not in it",
    ]
    assert list(problems({}, {})) == ["it is no CycloneDX document of an application"]
