"""Tell the reader of docstrings where the examples begin: ours follow the parameters without a heading of their own."""

from __future__ import annotations

import re
from typing import Any

from griffe import Extension, Object

_EXAMPLES = re.compile(r"\n\n(?=>>> )")
_HEADED = re.compile(r"\nExamples\n-+\n")


class Doctests(Extension):
    """Puts the heading ``Examples`` before the first doctest of every docstring."""

    def on_instance(self, *, obj: Object, **_: Any) -> None:
        """Change the docstring of what was just read."""
        if obj.docstring and not _HEADED.search(obj.docstring.value):
            obj.docstring.value = _EXAMPLES.sub("\n\nExamples\n--------\n", obj.docstring.value, count=1)
