"""What DuckDB says, as strangers may read it: without paths of files, and without the stacks of its own mistakes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path

_STACK = re.compile(
    r"\s*(Stack Trace:|This error signals an assertion failure|You have encountered a bug).*", re.DOTALL
)
_BETWEEN = r"[\s│]+"
"""How words are parted where a plan is drawn: a long line is broken at a space, into the next line of its box."""


class ToldText:
    r"""Takes out of a text what is not for strangers.

    Parameters
    ----------
    paths
        The files that the texts may speak of: of such a path the name of the file stays.

    >>> ToldText(["/srv/home/lake/a.parquet"]).of("IO Error: no file /srv/home/lake/a.parquet\n\nStack Trace:\n0x1")
    'IO Error: no file a.parquet'
    """

    def __init__(self, paths: Iterable[str]):
        folders = sorted({str(Path(path).parent) for path in paths}, key=len, reverse=True)
        forms = [form for folder in folders for form in dict.fromkeys((folder, json.dumps(folder)[1:-1]))]
        patterns = [_BETWEEN.join(re.escape(word) for word in form.split()) + "/" for form in forms]
        self._folders = re.compile("|".join(patterns)) if patterns else None

    def of(self, text: str) -> str:
        """The text for strangers."""
        return _STACK.sub("", text if self._folders is None else self._folders.sub("", text))
