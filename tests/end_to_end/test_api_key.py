"""Who may ask: nobody from outside without a key."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.end_to_end.conftest import APPLICATION
from tests.service import Service


def test_with_a_key_every_request_but_healthz_needs_it(tmp_path: Path) -> None:
    service = Service(APPLICATION, tmp_path / "home", ANABRANCH_API_KEY="river")
    service.client.headers["Authorization"] = "Bearer river"
    try:
        service.start()
        assert service.client.get("/v1/views").status_code == 200
        for key in ("", "Bearer", "Bearer lake", "Basic river"):
            response = service.client.get("/v1/views", headers={"Authorization": key})
            assert response.status_code == 401
            assert response.headers["Content-Type"] == "application/problem+json"
            assert service.client.get("/healthz", headers={"Authorization": key}).status_code == 200
            assert service.client.post("/v1/streams/rides/events", headers={"Authorization": key}).status_code == 401
    finally:
        service.close()


def test_another_host_without_a_key_is_refused_at_start(service: Service) -> None:
    command = service.command("up", str(APPLICATION), "--host", "0.0.0.0")
    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert "ANABRANCH_API_KEY" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_home_is_served_by_one_process(service: Service) -> None:
    service.start()
    command = service.command("up", str(APPLICATION), "--port", "0")
    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert "already served" in refused.stderr
    assert str(service.port) in refused.stderr


def test_a_wrong_application_is_one_line_that_says_where(service: Service, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.py"
    wrong.write_text("from anabranch import App\napp = App('a')\napp.view('v', of=None)\n")
    refused = subprocess.run(service.command("up", str(wrong)), capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert f"{wrong}:3" in refused.stderr
    assert "Traceback" not in refused.stderr
