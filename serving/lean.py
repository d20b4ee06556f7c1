"""Routes without overhead.

FastAPI's machinery for parameters costs more than answering from a view does. A lean route is documented by FastAPI
and run by Starlette: its endpoint takes the request and returns the response. An endpoint that is not ``async`` runs
in a thread, which is what those that ask the database want.
"""

from __future__ import annotations

from typing import Any

from fastapi.routing import APIRoute
from starlette.routing import request_response


class LeanRoute(APIRoute):
    """A route whose endpoint takes the request and returns the response."""

    def __init__(self, *arguments: Any, **options: Any):
        super().__init__(*arguments, **options)
        self.app = request_response(self.endpoint)
