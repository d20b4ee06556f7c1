"""The licences of all that is installed: known, and named in NOTICE where they ask for more than their own text."""

from __future__ import annotations

import re
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

import pytest

from tests.licences import TOLD, is_known, licence, terms
from tests.pins import canonical, pins

ROOT = Path(__file__).parent.parent
NOTICE = re.sub(r"\s+", " ", (ROOT / "NOTICE").read_text())
PINNED = pins((ROOT / "constraints.txt").read_text())
IN_IMAGE = pins((ROOT / "infra" / "requirements.txt").read_text())


def must_be_told(expression: str) -> set[str]:
    """What NOTICE has to name, by the mildest choice."""
    return min((choice & TOLD for choice in terms(expression)), key=len)


def installed(name: str) -> Distribution | None:
    try:
        return distribution(name)
    except PackageNotFoundError:  # for another system, or of a tool with an environment of its own
        return None


@pytest.mark.parametrize("name", PINNED)
def test_every_package_that_is_pinned_has_a_licence_that_is_known(name: str) -> None:
    package = installed(name)
    if package is None:
        assert name not in IN_IMAGE
        return
    assert licence(package) is not None, f"read the licence of {name} and enter it, or replace the package"


@pytest.mark.parametrize("name", IN_IMAGE)
def test_what_asks_to_be_told_stands_in_the_notice(name: str) -> None:
    package = installed(name)
    assert package is not None
    told = must_be_told(licence(package) or "")
    assert all(re.search(rf"\b{re.escape(package.name)} \({re.escape(term)}", NOTICE) for term in told), told


def test_the_notice_names_nothing_that_the_image_does_not_have() -> None:
    named = re.findall(r"([\w-]+) \((?:LGPL|MPL)[\w.-]*\)", NOTICE)
    assert {canonical(name) for name in named} <= IN_IMAGE.keys()


@pytest.mark.parametrize(
    ("expression", "known", "told"),
    [
        ("MIT", True, set()),
        ("MIT AND PSF-2.0", True, set()),
        ("GPL-3.0-only", False, None),
        ("GPL-3.0-only OR MIT", True, None),
        ("MPL-2.0 AND (Apache-2.0 OR MIT)", True, {"MPL-2.0"}),
        ("MPL-2.0 OR MIT", True, set()),
        ("MIT AND GPL-3.0-only", False, None),
        ("LGPL-3.0-only", True, {"LGPL-3.0-only"}),
        ("UNKNOWN", False, None),
        ("", False, None),
    ],
)
def test_an_expression_is_read_as_it_is_meant(expression: str, known: bool, told: set[str] | None) -> None:
    assert is_known(expression) is known
    assert told is None or must_be_told(expression) == told
