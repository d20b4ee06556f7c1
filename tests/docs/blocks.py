"""The fenced blocks of a document, and what each of them is for.

- a block with a title is a file: ``title="delays.py"`` writes it, ``title="add to delays.py"`` adds to it,
- ``sh`` is run by bash, ``python`` without a title by Python, ``cron`` is a crontab whose commands are run,
- ``json`` and ``text`` are the answer of the block before them.

``<!-- begins in the folder of ../tutorial.md -->`` has the files of another document made first.

A block that cannot be run in a test says why, in a comment on the line before: ``<!-- not run: it installs -->``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(
    r"(?:^<!-- not run:(?P<reason>[^\n]*)-->\n)?"
    r"^```(?P<language>\w*)(?: title=\"(?P<title>[^\"\n]+)\")?\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_BEGINS = re.compile(r"^<!-- begins in the folder of (\S+) -->$", re.MULTILINE)
_COPYING = re.compile(r"(mkdir|cd|cp) ")
_SERVICES = ("anabranch up", "dask scheduler", "dask worker")


@dataclass(frozen=True)
class Block:
    """One fenced block; `reason` is why it is not run (None: it is)."""

    language: str
    title: str | None
    text: str
    line: int
    reason: str | None

    @property
    def is_service(self) -> bool:
        """Whether its command runs until it is stopped."""
        return self.language == "sh" and self.text.startswith(_SERVICES)

    @property
    def makes_files(self) -> bool:
        """Whether it writes files and does nothing else."""
        lines = self.text.splitlines()
        return self.title is not None or (self.language == "sh" and all(_COPYING.match(line) for line in lines))

    @property
    def is_answer(self) -> bool:
        return self.language in ("json", "text")


def blocks_of(path: Path) -> list[Block]:
    """All blocks in order, behind those that make the files of the document that this one goes on from.

    Raises
    ------
    ValueError
        If a fence is written otherwise than the blocks above are, and would be overlooked.
    """
    document = path.read_text()
    blocks = [
        Block(
            found["language"],
            found["title"],
            found["text"],
            document.count("\n", 0, found.start()) + 1,
            None if found["reason"] is None else found["reason"].strip(),
        )
        for found in _BLOCK.finditer(document)
    ]
    fences = re.findall(r"^ *(?:```|~~~)", document, re.MULTILINE)
    if len(fences) != 2 * len(blocks):
        raise ValueError(f"{path.name}: {len(fences)} fences, but {len(blocks)} blocks")
    before = _BEGINS.search(document)
    return (
        [*(block for block in blocks_of(path.parent / before[1]) if block.makes_files), *blocks] if before else blocks
    )
