"""Makes a bill of materials whole, or says what it lacks: ``python -m tests.sbom SBOM REQUIREMENTS``."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from tests.licences import licence
from tests.pins import canonical, pins


def problems(bill: Mapping[str, Any], installed: Mapping[str, str]) -> Iterator[str]:
    """What a CycloneDX document lacks of what is installed, a sentence each."""
    components = {canonical(component["name"]): component for component in bill.get("components", [])}
    if bill.get("bomFormat") != "CycloneDX" or "component" not in bill.get("metadata", {}):
        yield "it is no CycloneDX document of an application"
    for name, version in installed.items():
        component = components.get(name, {})
        if component.get("version") != version:
            yield f"{name} {version} is not in it"
            continue
        if component.get("purl", "").split("?")[0] != f"pkg:pypi/{name}@{version}":
            yield f"{name} has no package URL"
        if not component.get("licenses"):
            yield f"{name} has no licence"
    told = {dependency["ref"] for dependency in bill.get("dependencies", [])}
    for component in components.values():
        if component.get("bom-ref") not in told:
            yield f"what {component['name']} depends on is not in it"


def add_licences(bill: Mapping[str, Any]) -> None:
    """Add those that metadata tells in words of before SPDX, or that a person read."""
    for component in bill.get("components", []):
        if not component.get("licenses"):
            with suppress(PackageNotFoundError):
                told = licence(distribution(component["name"]))
                component["licenses"] = [{"expression": told}] if told else []


def main(bill: str, requirements: str) -> int:
    """Say what is missing; returns the exit code."""
    installed = pins(Path(requirements).read_text())
    content = json.loads(Path(bill).read_text())
    add_licences(content)
    Path(bill).write_text(json.dumps(content, indent=2) + "\n")
    found = list(problems(content, installed))
    for problem in found:
        print(f"{bill}: {problem}", file=sys.stderr)
    print(f"{bill}: {len(installed)} packages, {len(found)} problems")
    return 1 if found or not installed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
