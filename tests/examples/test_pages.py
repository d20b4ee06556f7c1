from __future__ import annotations

import json
from collections import Counter, defaultdict

from tests.examples.conftest import Example


def test_words_are_counted_as_plain_python_counts_them(pages: Example) -> None:
    expected = Counter(word for row in pages.rows() for word in json.loads(row)["text"].lower().split())
    answers = pages.answers(pages.app.views["words"])
    assert {key[0]: answer["times"] for key, answer in answers.items()} == expected
    assert expected["library"] > 500


def test_links_are_reversed_as_plain_python_reverses_them(pages: Example) -> None:
    sources: dict[str, set[str]] = defaultdict(set)
    for row in map(json.loads, pages.rows()):
        for link in row["links"]:
            sources[link].add(row["url"])
    answers = pages.answers(pages.app.views["links"])
    assert {key[0]: answer["linked"] for key, answer in answers.items()} == {k: len(v) for k, v in sources.items()}
    assert {key[0]: answer["sources"] for key, answer in answers.items()} == {
        link: sorted(urls)[:1000] for link, urls in sources.items()
    }
