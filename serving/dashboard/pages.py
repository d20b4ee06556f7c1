"""The routes of the dashboard. None of them is in the API's description: they are for our own page."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from serving.dashboard import login
from serving.dashboard.files import all_files
from serving.dashboard.snapshot import OverviewSnapshots
from serving.errors import NotFoundError
from serving.http.auth import Entrance
from serving.models.model_status import ModelDirectory
from serving.service import Service


def add_routes(app: FastAPI, service: Service, models: ModelDirectory, entrance: Entrance | None) -> None:
    """Add the page, its files, the snapshot, and the login where there is a key."""
    files = all_files()
    snapshots = OverviewSnapshots(service, models)

    @app.get("/", include_in_schema=False)
    async def page(request: Request) -> Response:
        return files["index.html"].answer(request)

    @app.get("/dashboard/snapshot", include_in_schema=False)
    def snapshot(request: Request) -> Response:
        return Response(snapshots.text(), media_type="application/json", headers={"Cache-Control": "no-store"})

    @app.get("/dashboard/{file:path}", include_in_schema=False)
    async def file(request: Request) -> Response:
        name = request.path_params["file"]
        if name not in files:
            raise NotFoundError("file of the dashboard", name)
        return files[name].answer(request)

    if entrance is not None:
        login.add_routes(app, entrance, files["login.html"].body.decode())
