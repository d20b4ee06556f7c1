"""The licences of packages: what they are called, and which may come in."""

from __future__ import annotations

import re
from importlib.metadata import Distribution

from tests.pins import canonical

PERMISSIVE = {
    "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC", "MIT", "MIT-0", "PSF-2.0", "Zlib",
}  # fmt: skip
TOLD = {"LGPL-3.0-only", "MPL-2.0"}
"""May be used and shipped unchanged, if it is told: NOTICE names every package of the image that has one."""

CALLED = {
    "Apache License 2.0": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD": "BSD-3-Clause",
    "BSD License": "BSD-3-Clause",
    "ISC License": "ISC",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "MIT license": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "PSFL": "PSF-2.0",
}
"""What packages of before SPDX call them."""

READ = {
    "mergedeep": "MIT",  # metadata: UNKNOWN
    "skops": "MIT",  # metadata: nothing but "OSI approved"
    "scipy": "BSD-3-Clause",  # metadata: the text itself
}
"""Licences that a person read in the file of the package, since its metadata does not tell them."""


def licence(package: Distribution) -> str | None:
    """The SPDX expression of a package; None: it cannot be told."""
    read = READ.get(canonical(package.name))
    if read is not None:
        return read
    fields = package.metadata.json
    declared = [str(fields.get(name, "")) for name in ("license_expression", "license")]
    declared += [text.rpartition(" :: ")[2] for text in fields.get("classifier", ()) if "License ::" in text]
    names = [CALLED.get(text, text) for text in declared]
    return next((name for name in names if name and is_known(name)), None)


def terms(expression: str) -> list[set[str]]:
    """The choices of an SPDX expression: of each set, all hold together."""
    choices: list[set[str]] = [set()]
    for part in re.split(r"\s+AND\s+(?![^(]*\))", expression):
        found = [name.strip("() ") for name in part.split(" OR ")]
        choices = [choice | {name} for choice in choices for name in found]
    return choices


def is_known(expression: str) -> bool:
    return any(choice <= PERMISSIVE | TOLD for choice in terms(expression))
