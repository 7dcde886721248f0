"""The manifests for Kubernetes, checked against its schemas and the service's settings."""

import re
from typing import Any

import kubernetes_validate
import pytest
import yaml

from service.http.app import create_app
from service.settings import Settings
from tests.conftest import REPOSITORY
from tests.deploy.kustomize import KUBERNETES, OVERLAYS, pod, rendered

SETTINGS = {f"CAPTION_{name.upper()}" for name in Settings.model_fields}
KINDS = {
    "Deployment",
    "Service",
    "HorizontalPodAutoscaler",
    "PodDisruptionBudget",
    "NetworkPolicy",
}


def gibibytes(quantity: str) -> float:
    return float(quantity.removesuffix("Gi"))


def container(overlay: str, *components: str) -> dict[str, Any]:
    [only] = pod(rendered(overlay, *components))["containers"]
    found: dict[str, Any] = only
    return found


@pytest.mark.parametrize("overlay", OVERLAYS)
@pytest.mark.parametrize("components", [(), ("tracing",)], ids=["plain", "traced"])
def test_manifests_follow_the_schema_of_kubernetes(
    overlay: str, components: tuple[str, ...]
) -> None:
    manifests = rendered(overlay, *components)
    assert set(manifests) == KINDS
    for manifest in manifests.values():
        kubernetes_validate.validate(manifest, kubernetes_validate.latest_version(), strict=True)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_pods_are_confined(overlay: str) -> None:
    spec, only = pod(rendered(overlay)), container(overlay)
    assert only["image"] == f"photo-captions:{overlay}"
    assert spec["securityContext"]["runAsNonRoot"]
    assert not spec["automountServiceAccountToken"]
    assert only["securityContext"]["readOnlyRootFilesystem"]
    assert not only["securityContext"]["allowPrivilegeEscalation"]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_pods_get_settings_that_exist_and_values_they_take(
    overlay: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for each in container(overlay)["env"]:
        assert each["name"] in SETTINGS
        if "value" in each:
            monkeypatch.setenv(each["name"], each["value"])
    Settings()


def test_no_service_of_the_namespace_is_taken_for_a_setting() -> None:
    # One called `caption` would set CAPTION_PORT to tcp://10.0.0.1:80.
    for overlay in OVERLAYS:
        assert pod(rendered(overlay))["enableServiceLinks"] is False


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_probes_ask_paths_that_exist(overlay: str) -> None:
    paths = set(create_app().openapi()["paths"])
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container(overlay)[probe]["httpGet"]["path"] in paths


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_everything_selects_the_pods(overlay: str) -> None:
    manifests = rendered(overlay)
    labels = manifests["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert manifests["Deployment"]["spec"]["selector"]["matchLabels"] == labels
    assert manifests["Service"]["spec"]["selector"] == labels
    assert manifests["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels
    assert manifests["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"] == labels
    spread = pod(manifests)["topologySpreadConstraints"]
    assert {each["topologyKey"] for each in spread} == {
        "kubernetes.io/hostname",
        "topology.kubernetes.io/zone",
    }
    assert all(each["labelSelector"]["matchLabels"] == labels for each in spread)


def test_a_pod_has_the_time_to_answer_what_it_accepted() -> None:
    needed = Settings().deadline_seconds + Settings().drain_seconds + 5
    for overlay in OVERLAYS:
        slept = int(container(overlay)["lifecycle"]["preStop"]["exec"]["command"][1])
        assert pod(rendered(overlay))["terminationGracePeriodSeconds"] > needed + slept


def test_only_the_gpu_pod_asks_for_a_gpu() -> None:
    assert "nvidia.com/gpu" not in container("cpu")["resources"]["limits"]
    assert container("gpu")["resources"]["limits"]["nvidia.com/gpu"] == "1"


def test_pods_may_use_as_much_memory_as_the_containers_of_the_compose_file() -> None:
    compose = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())["services"]
    for overlay, name in (("cpu", "captions"), ("gpu", "captions-gpu")):
        resources = container(overlay)["resources"]
        limit = compose[name]["deploy"]["resources"]["limits"]["memory"]
        assert gibibytes(resources["limits"]["memory"]) == float(limit.removesuffix("g"))
        assert gibibytes(resources["requests"]["memory"]) <= float(limit.removesuffix("g"))


def test_an_update_keeps_cpu_pods_and_needs_no_spare_gpu() -> None:
    updates = {
        overlay: rendered(overlay)["Deployment"]["spec"]["strategy"]["rollingUpdate"]
        for overlay in OVERLAYS
    }
    assert updates["cpu"]["maxUnavailable"] == 0
    assert updates["gpu"] == {"maxSurge": 0, "maxUnavailable": 1}


def test_nothing_is_let_out_but_traces_where_tracing_is_on() -> None:
    plain, traced = rendered("cpu")["NetworkPolicy"], rendered("cpu", "tracing")["NetworkPolicy"]
    assert "Egress" in plain["spec"]["policyTypes"]
    assert "egress" not in plain["spec"]
    environment = {each["name"]: each.get("value") for each in container("cpu", "tracing")["env"]}
    assert environment["CAPTION_TRACING"] == "true"
    port = int(str(environment["OTEL_EXPORTER_OTLP_ENDPOINT"]).rpartition(":")[2])
    allowed = [each["port"] for rule in traced["spec"]["egress"] for each in rule["ports"]]
    assert sorted(allowed) == [53, 53, port]


def test_metrics_that_manifests_and_dashboards_name_exist() -> None:
    registry = create_app().state.metrics.registry
    known = {sample.name for family in registry.collect() for sample in family.samples}
    known |= {family.name for family in registry.collect()}
    files = [*KUBERNETES.rglob("*.yaml"), *(REPOSITORY / "deploy" / "grafana").glob("*.json")]
    named = set(re.findall(r"\bcaptions?_[a-z_]+", "".join(file.read_text() for file in files)))
    assert "caption_queue_photos" in named
    # A histogram's series appear with its first sample.
    families = {re.sub("_(bucket|count|sum|total)$", "", name) for name in known | named}
    assert families <= {re.sub("_(bucket|count|sum|total)$", "", name) for name in known}
