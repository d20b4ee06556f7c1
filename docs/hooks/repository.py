"""Let documents link to files of the repository: on the site, each file that is linked to is a page.

In the repository ``[compose](../infra/compose.yaml)`` leads to the file. The site has no such file, so a page with its
text is added under ``repository/``, and the link leads there.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
FOLDER = "repository"
LANGUAGES = {".py": "python", ".yaml": "yaml", ".yml": "yaml", ".toml": "toml", ".json": "json", ".sh": "sh"}
_LINK = re.compile(r"(\]\()([^)\s#]+)((?:#[^)\s]*)?\))")
_FENCE = re.compile(r"^(`{3,}).*?^\1$", re.MULTILINE | re.DOTALL)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add a page for every file outside docs/ that a document, or one of these files, links to."""
    waiting = [(f"docs/{file.src_uri}", file.content_string) for file in files.documentation_pages()]
    added: set[str] = set()
    while waiting:
        origin, text = waiting.pop()
        for path in _targets(origin, text):
            if path in added:
                continue
            added.add(path)
            content = _page_text(path)
            page = File.generated(config, _page(path), content=content, inclusion=InclusionLevel.NOT_IN_NAV)
            files.append(page)
            if path.endswith(".md"):
                waiting.append((path, content))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Have the links lead to those pages."""
    uri = page.file.src_uri
    origin = _original(uri) if uri.startswith(f"{FOLDER}/") else f"docs/{uri}"

    def led(link: re.Match[str]) -> str:
        path = _resolved(origin, link[2])
        if path is None:
            return link[0]
        there = path.removeprefix("docs/") if path.startswith("docs/") else _page(path)
        return link[1] + posixpath.relpath(there, posixpath.dirname(uri) or ".") + link[3]

    pieces, end = [], 0
    for fence in _FENCE.finditer(markdown):  # code is left alone
        pieces += [_LINK.sub(led, markdown[end : fence.start()]), fence[0]]
        end = fence.end()
    return "".join([*pieces, _LINK.sub(led, markdown[end:])])


def _targets(origin: str, text: str) -> Iterator[str]:
    for _, target, _ in _LINK.findall(_FENCE.sub("", text)):
        path = _resolved(origin, target)
        if path is not None and not path.startswith("docs/"):
            yield path


def _resolved(origin: str, target: str) -> str | None:
    """The path in the repository that a link of `origin` means; None if it means something else."""
    if ":" in target or not target:
        return None
    path = posixpath.normpath(posixpath.join(posixpath.dirname(origin), target))
    return path if (ROOT / path).exists() else None


def _page(path: str) -> str:
    return f"{FOLDER}/{path if path.endswith('.md') else path + '.md'}"


def _original(uri: str) -> str:
    path = uri.removeprefix(f"{FOLDER}/")
    return path if (ROOT / path).exists() else path.removesuffix(".md")


def _page_text(path: str) -> str:
    file = ROOT / path
    if path.endswith(".md"):
        return file.read_text()
    files = sorted(inner for inner in file.iterdir() if inner.is_file()) if file.is_dir() else [file]
    return f"# {path}\n\n" + "\n\n".join(_block(inner) for inner in files)


def _block(file: Path) -> str:
    language = LANGUAGES.get(file.suffix, "text")
    return f'````{language} title="{file.relative_to(ROOT)}"\n{file.read_text().rstrip()}\n````'
