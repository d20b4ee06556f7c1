"""Requests made up from the API's own description: none may end in a 500."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.core.result import Ok

from tests.end_to_end.conftest import ride
from tests.end_to_end.test_models import APPLICATION as MODEL_APPLICATION
from tests.service import Service

STARTS_A_RUN = ("POST", "/v1/batch/runs")
KEY = "river"


MODES = pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])


@pytest.fixture(scope="module")
def with_models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service of an application with models."""
    service = Service(MODEL_APPLICATION, tmp_path_factory.mktemp("models") / "home", ANABRANCH_MAX_BODY_BYTES="100000")
    service.start()
    yield service
    service.close()


@MODES
def test_no_request_that_the_description_allows_or_forbids_is_a_server_error(
    shared: Service, mode: GenerationMode
) -> None:
    shared.post("clicks", [{"page": "abc"}])
    assert ask_everything(shared, mode) > 50


@MODES
def test_neither_is_one_about_models(with_models: Service, mode: GenerationMode) -> None:
    with_models.post("rides", [ride(0, member=True)])
    assert ask_everything(with_models, mode, "/v1/(models|predictions)") > 50


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that wants a key."""
    service = Service(MODEL_APPLICATION, tmp_path_factory.mktemp("locked") / "home", ANABRANCH_API_KEY=KEY)
    service.client.headers["Authorization"] = f"Bearer {KEY}"
    service.start()
    service.post("rides", [ride(0, member=True)])
    yield service
    service.close()


@MODES
def test_neither_is_one_with_the_key(locked: Service, mode: GenerationMode) -> None:
    """The requests that the two before make up of a service without a key, with as many cases in the profile `long`."""
    examples = 20 if settings.get_current_profile_name() == "long" else 5
    assert ask_everything(locked, mode, headers={"Authorization": f"Bearer {KEY}"}, examples=examples) > 50


@MODES
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer lake"}, {"Cookie": "anabranch=lake"}])
def test_without_the_key_whatever_is_asked_is_unauthorized_and_changes_nothing(
    locked: Service, mode: GenerationMode, headers: dict[str, str]
) -> None:
    before = locked.client.get("/v1/streams").json()
    asked = ask_everything(locked, mode, headers=headers, only={401, 429}, examples=4)
    assert asked > 50
    assert locked.client.get("/v1/streams").json() == before


def ask_everything(
    service: Service,
    mode: GenerationMode,
    paths: str = "",
    headers: dict[str, str] | None = None,
    only: set[int] | None = None,
    examples: int = 20,
) -> int:
    """Make up requests of every operation, and return how many. What is open to all may answer beyond `only`."""
    wanted = dict(service.client.headers.items())
    description = schemathesis.openapi.from_url(f"{service.client.base_url}/openapi.json", headers=wanted)
    asked = 0
    for found in description.get_all_operations():
        assert isinstance(found, Ok), found
        operation = found.ok()
        if (operation.method.upper(), operation.path) == STARTS_A_RUN or not re.match(paths, operation.path):
            continue

        @given(case=operation.as_strategy(generation_mode=mode))
        @settings(max_examples=examples, database=None, suppress_health_check=list(HealthCheck))
        def ask(case: Case[Any]) -> None:
            nonlocal asked
            if case.query and "after" in case.query:
                case.query["timeout_ms"] = "10"  # waiting for a position that never comes is not what is looked for
            response = case.call(headers=headers)
            asked += 1
            if only is not None and case.path != "/healthz":
                assert response.status_code in only, (response.status_code, case.path)
            assert response.status_code < 500 or response.status_code == 504, response.text
            if response.status_code >= 400:
                assert "application/problem+json" in response.headers["content-type"]
                assert response.json()["detail"] or response.json()["status"] == response.status_code

        with suppress(Unsatisfiable):  # what takes no parameter cannot be asked wrongly
            ask()
    return asked


def test_a_batch_run_is_not_started_by_a_wrong_request(shared: Service) -> None:
    assert shared.client.post("/v1/batch/runs", params={"full": "perhaps"}).status_code == 422
    assert shared.client.post("/v1/batch/runs", params={"fast": "true"}).status_code == 422
    assert shared.client.get("/v1/batch/runs").json()["runs"] == []
