"""The reader's own rules: what a block is, and when an answer is the one that is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.answers import differences, same_text
from tests.docs.blocks import Block, blocks_of
from tests.docs.reader import Reader


def document(folder: Path, text: str) -> Path:
    path = folder / "document.md"
    path.write_text(text)
    return path


def test_a_block_knows_its_language_its_title_and_why_it_is_not_run(tmp_path: Path) -> None:
    text = '```python title="app.py"\nx = 1\n```\n\n<!-- not run: it costs money -->\n```sh\nbuy\n```\n'
    written, bought = blocks_of(document(tmp_path, text))
    assert (written.language, written.title, written.text, written.reason) == ("python", "app.py", "x = 1\n", None)
    assert (bought.language, bought.title, bought.text, bought.reason) == ("sh", None, "buy\n", "it costs money")


@pytest.mark.parametrize("text", ["  ```sh\n  ls\n  ```\n", "~~~sh\nls\n~~~\n", '```sh hl_lines="1"\nls\n```\n'])
def test_a_fence_that_would_be_overlooked_is_an_error(tmp_path: Path, text: str) -> None:
    with pytest.raises(ValueError, match="fences"):
        blocks_of(document(tmp_path, text))


def test_what_fails_or_answers_otherwise_is_noticed(tmp_path: Path) -> None:
    reader = Reader(tmp_path)
    with pytest.raises(AssertionError, match="line 3 ended with 1"):
        reader.follow(Block("sh", None, "false\n", 3, None))
    reader.follow(Block("sh", None, "mkdir here\ncd here\necho '{\"n\": 2}'\n", 4, None))
    with pytest.raises(AssertionError, match="2 instead of 3"):
        reader.follow(Block("json", None, '{"n": 3}\n', 5, None))
    with pytest.raises(AssertionError, match="answers nothing"):
        reader.follow(Block("json", None, '{"n": 2}\n', 6, None))
    reader.follow(Block("sh", None, 'basename "$PWD"\n', 7, None))
    reader.follow(Block("text", None, "here\n", 8, None))
    with pytest.raises(AssertionError, match="nothing is done"):
        reader.follow(Block("yaml", None, "a: 1\n", 9, None))
    with pytest.raises(AssertionError, match="says not why"):
        reader.follow(Block("sh", None, "false\n", 10, "why"))


def test_dots_stand_for_anything() -> None:
    assert same_text("published 3 (run ...)", "published  3\n(run 2026-1)\n")
    assert not same_text("published 3 (run ...)", "published 4 (run 2026-1)")
    assert differences('{"a": [1, "..."], "...": 0}', '{"a": [1, 2, 3], "b": 4}') == []
    assert differences('{"a": [1, 2]}', '{"a": [1, 2, 3]}') == [".a: 3 instead of 2 items".replace(".a", "[0].a")]


def test_what_is_different_each_time_may_differ_and_nothing_else() -> None:
    shown = '{"prediction": 98.33, "prediction_id": "01a1", "speed_cut": "0:3854", "generation": null}'
    assert differences(shown, shown.replace("98.33", "98.9").replace("01a1", "77").replace("3854", "3855")) == []
    assert differences(shown, shown.replace("98.33", "121.5"))
    assert differences(shown, shown.replace("3854", "9999"))
    assert differences(shown, shown.replace("null", "1"))
    assert differences(shown, "no answer")
