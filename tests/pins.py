"""What a file of requirements or constraints pins."""

from __future__ import annotations

import re


def pins(requirements: str) -> dict[str, str]:
    """The version by name of what a file of requirements or constraints pins."""
    found = re.findall(r"^([\w.-]+)==([^\s;\\]+)", requirements, re.MULTILINE)
    return {canonical(name): version for name, version in found}


def canonical(name: str) -> str:
    """A name as registries compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()
