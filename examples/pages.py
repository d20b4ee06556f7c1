"""pages.py: the two classics of the field, word count and the reversed link graph.

Try it:

    anabranch up examples/pages.py
    anabranch import examples/data/pages.ndjson --stream pages examples/pages.py
    curl 'http://127.0.0.1:8000/v1/views/words?key=library'
    curl 'http://127.0.0.1:8000/v1/views/links?key=zlib1g'

The bundled pages are packages of a Linux distribution: the text is a package's description, its links are the
packages that it depends on.
"""

from pydantic import BaseModel

from anabranch import App, agg

app = App("pages")


class Page(BaseModel):
    """Sent when a page was read."""

    url: str
    text: str
    links: list[str] = []


pages = app.stream("pages", Page, id="url", key="url")

words = app.view("words", of=pages, by=lambda page: page.text.lower().split(), times=agg.count())

links = app.view("links", of=pages, by=lambda page: page.links, linked=agg.count(), sources=agg.collect("url"))
