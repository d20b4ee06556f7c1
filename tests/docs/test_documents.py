"""Whoever follows the tutorial and the guides block by block sees what they show."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.blocks import blocks_of
from tests.docs.reader import ROOT, Reader

DOCUMENTS = sorted([ROOT / "docs" / "tutorial.md", *(ROOT / "docs" / "guides").glob("*.md")])
DATABASE = "postgresql+psycopg://anabranch:secret@db.example/anabranch"
"""How a document writes the address of a PostgreSQL server."""


@pytest.mark.timeout(300)
@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_a_document_does_what_it_says(path: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    instead = {DATABASE: request.getfixturevalue("postgresql_server")} if DATABASE in path.read_text() else {}
    reader = Reader(tmp_path, instead)
    try:
        for block in blocks_of(path):
            reader.follow(block)
    finally:
        reader.close()


def test_few_blocks_are_not_run() -> None:
    blocks = [block for path in DOCUMENTS for block in blocks_of(path)]
    assert sum(block.is_answer for block in blocks) > 25
    assert sum(block.reason is not None for block in blocks) <= 4
