"""The image, compose and Kubernetes: nothing moves, nothing is open, and nothing is taken without a bound."""

from __future__ import annotations

import re
from typing import Any

import pytest

from infra.settings import Settings
from tests.monitoring import INFRA, yaml

ROOT = INFRA.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE_TEXT = (INFRA / "compose.yaml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(COMPOSE_TEXT)
MANIFESTS: list[dict[str, Any]] = [
    document
    for path in sorted((INFRA / "kubernetes").glob("*.yaml"))
    for document in yaml.safe_load_all(path.read_text())
]
BY_DIGEST = r"[\w./-]+:[\w.-]+@sha256:[0-9a-f]{64}"
PLAIN_BYTES = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "k": 2**10, "m": 2**20, "g": 2**30}


def in_bytes(text: str) -> int:
    """The bytes of an amount, as Kubernetes (Gi) and compose (g) write it."""
    number, unit = re.fullmatch(r"(\d+)(\w+)", text).groups()  # type: ignore[union-attr]  # else the test fails, as it should
    return int(number) * PLAIN_BYTES[unit]


def pods() -> dict[str, dict[str, Any]]:
    """The templates of pods, by the name of what makes them."""
    found = {}
    for document in MANIFESTS:
        if document["kind"] == "Deployment":
            found[document["metadata"]["name"]] = document["spec"]["template"]
        if document["kind"] == "CronJob":
            found[document["metadata"]["name"]] = document["spec"]["jobTemplate"]["spec"]["template"]
    return found


def test_every_base_image_is_named_by_its_digest() -> None:
    arguments = dict(re.findall(r"^ARG (\w+)=(\S+)$", DOCKERFILE, re.MULTILINE))
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert len(bases) == 2
    for base in bases:
        name = re.fullmatch(r"\$\{(\w+)\}", base)
        assert re.fullmatch(BY_DIGEST, arguments[name[1]] if name else base), base
    assert "# syntax=" not in DOCKERFILE, "that names an image too"


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_every_image_of_compose_is_built_here_or_named_by_its_digest(name: str) -> None:
    service = COMPOSE["services"][name]
    assert "build" in service or re.fullmatch(BY_DIGEST, service["image"]), service["image"]


def test_the_image_installs_nothing_without_its_hash() -> None:
    flat = DOCKERFILE.replace("\\\n", " ")
    for install in re.findall(r"pip\S*(?: --python \S+)? install ([^&\n]*)", flat):
        assert "--require-hashes" in install or "--no-deps --no-index" in re.sub(r"\s+", " ", install), install
    copied = re.findall(r"^COPY (?!--from)(?:--\S+ )?(.+) \S+$", DOCKERFILE, re.MULTILINE)
    sent = re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    for source in " ".join(copied).split():
        assert (ROOT / source).exists()
        assert source.split("/")[0] in sent, f"{source} does not reach the builder"


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_every_service_of_compose_has_no_rights_to_gain_and_a_bound(name: str) -> None:
    service = COMPOSE["services"][name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "cap_add", "network_mode", "pid", "devices"} & service.keys()
    assert in_bytes(service["mem_limit"]) <= 6 * 2**30
    assert 0 < service["pids_limit"] <= 512
    for port in service.get("ports", []):
        assert port.startswith("127.0.0.1:")


@pytest.mark.parametrize("name", ["anabranch", "anabranch-postgresql", "postgresql"])
def test_what_holds_data_writes_nowhere_but_to_its_volume_and_to_bounded_memory(name: str) -> None:
    service = COMPOSE["services"][name]
    assert service["read_only"] is True
    assert len(service["volumes"]) == 1
    for place in service["tmpfs"]:
        assert re.search(r"size=|mode=", place), f"{place} may fill the memory, or be written by anybody"


def test_no_password_or_key_has_a_default() -> None:
    variables = re.findall(r"\$\{(\w*(?:PASSWORD|KEY|TOKEN|SECRET)\w*)(?::?[-+]([^}]*))?", COMPOSE_TEXT)
    assert {name for name, _ in variables} >= {"ANABRANCH_API_KEY", "POSTGRES_PASSWORD"}
    assert [name for name, default in variables if default] == []
    grafana = COMPOSE["services"]["grafana"]
    assert not [name for name in grafana["environment"] if name.endswith("PASSWORD")]
    assert "[ -s /run/secrets/grafana_password ] ||" in grafana["entrypoint"][-1], "Grafana takes admin for none"


@pytest.mark.parametrize("name", pods())
def test_every_pod_is_bounded_and_can_gain_nothing(name: str) -> None:
    spec = pods()[name]["spec"]
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in spec["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert {"memory", "ephemeral-storage"} <= container["resources"]["limits"].keys()
    for volume in spec["volumes"]:
        assert "persistentVolumeClaim" in volume or "sizeLimit" in volume["emptyDir"]


def test_the_service_may_take_what_its_settings_let_it_take() -> None:
    default = {name: field.default for name, field in Settings.model_fields.items()}
    needed = SERVICE_BYTES + 2 * default["sql_memory"] + 16 * default["max_body_bytes"]  # two statements, all requests
    for limit in (
        pods()["anabranch"]["spec"]["containers"][0]["resources"]["limits"]["memory"],
        COMPOSE["services"]["anabranch"]["mem_limit"],
    ):
        assert in_bytes(limit) >= needed


SERVICE_BYTES = 1_100_000_000
"""A service, the writer of its snapshot and two runners of SQL, as measured: "What it takes" in docs/operations.md."""


def policies() -> list[dict[str, Any]]:
    return [document["spec"] for document in MANIFESTS if document["kind"] == "NetworkPolicy"]


@pytest.mark.parametrize("name", pods())
def test_nobody_reaches_a_pod_but_whom_a_policy_names(name: str) -> None:
    labels = pods()[name]["metadata"]["labels"]
    mine = [spec for spec in policies() if spec["podSelector"]["matchLabels"].items() <= labels.items()]
    assert any(set(spec["policyTypes"]) == {"Ingress", "Egress"} for spec in mine), "else all is open"
    for spec in mine:
        for rule in spec.get("ingress", []):
            assert rule["from"]
            assert rule["ports"], "an empty list is everybody, or everything"
        for rule in spec.get("egress", []):
            assert rule["to"]
            assert rule["ports"]


def test_the_service_is_reached_at_its_port_alone_and_a_batch_run_not_at_all() -> None:
    reached = {}
    for name, template in pods().items():
        labels = template["metadata"]["labels"]
        mine = [spec for spec in policies() if spec["podSelector"]["matchLabels"].items() <= labels.items()]
        reached[name] = [port["port"] for spec in mine for rule in spec.get("ingress", []) for port in rule["ports"]]
    assert reached == {"anabranch": ["http"], "anabranch-batch": []}
    ports = pods()["anabranch"]["spec"]["containers"][0]["ports"]
    assert [port["name"] for port in ports] == ["http"]
