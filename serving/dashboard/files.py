"""The files of the page, and the headers that go with them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response

STATIC = Path(__file__).parent / "static"
_KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Nothing from elsewhere is loaded, nothing in the data becomes a script."""
HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


class StaticFile(NamedTuple):
    """A file of the page, as it is sent."""

    body: bytes
    kind: str
    etag: str

    @classmethod
    def read(cls, path: Path) -> StaticFile:
        """The file at `path`."""
        body = path.read_bytes()
        return cls(body, _KINDS[path.suffix], f'"{hashlib.sha256(body).hexdigest()[:20]}"')

    def answer(self, request: Request) -> Response:
        """The file, or 304 to who has it."""
        headers = {**HEADERS, "ETag": self.etag}
        if request.headers.get("if-none-match") == self.etag:
            return Response(status_code=304, headers=headers)
        return Response(self.body, headers={**headers, "Content-Type": self.kind})


def all_files() -> dict[str, StaticFile]:
    """Every file by its name."""
    return {str(path.relative_to(STATIC)): StaticFile.read(path) for path in STATIC.rglob("*") if path.suffix in _KINDS}
