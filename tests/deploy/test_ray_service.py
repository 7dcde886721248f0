"""The RayService of KubeRay, checked by Ray's schema of it and by that of Kubernetes' pods."""

import re
from importlib import import_module
from inspect import signature
from typing import Any

import kubernetes_validate
import pytest
import yaml
from pydantic import ValidationError
from ray.serve.schema import ServeDeploySchema

from deploy.ray.scale import Scale
from service.settings import Settings
from tests.conftest import REPOSITORY

MANIFEST = yaml.safe_load(
    (REPOSITORY / "deploy" / "kubernetes" / "ray" / "service.yaml").read_text()
)
CONFIG = yaml.safe_load(MANIFEST["spec"]["serveConfigV2"])
CLUSTER = MANIFEST["spec"]["rayClusterConfig"]
HEAD, [WORKERS] = CLUSTER["headGroupSpec"], CLUSTER["workerGroupSpecs"]
LATEST = kubernetes_validate.latest_version()


def container(group: dict[str, Any]) -> dict[str, Any]:
    [only] = group["template"]["spec"]["containers"]
    found: dict[str, Any] = only
    return found


def test_serve_can_deploy_the_application_it_names() -> None:
    ServeDeploySchema.model_validate(CONFIG)
    [each] = CONFIG["applications"]
    module, _, name = each["import_path"].partition(":")
    [parameter] = signature(getattr(import_module(module), name)).parameters.values()
    assert parameter.annotation is Scale
    scale = Scale.model_validate(each["args"])
    assert scale.max_replicas < WORKERS["maxReplicas"]  # the routes take a place, too


def test_arguments_that_do_not_exist_are_rejected() -> None:
    with pytest.raises(ValidationError):
        Scale.model_validate({"maximum_replicas": 3})


def test_settings_that_the_application_gets_exist() -> None:
    [each] = CONFIG["applications"]
    known = {f"CAPTION_{name.upper()}" for name in Settings.model_fields}
    assert set(each["runtime_env"]["env_vars"]) <= known


@pytest.mark.parametrize("group", [HEAD, WORKERS], ids=["head", "workers"])
def test_pods_follow_the_schema_of_kubernetes_and_are_confined(group: dict[str, Any]) -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pod"}}
    kubernetes_validate.validate(pod | {"spec": group["template"]["spec"]}, LATEST, strict=True)
    assert group["template"]["spec"]["securityContext"]["runAsNonRoot"]
    assert group["template"]["spec"]["enableServiceLinks"] is False
    assert container(group)["securityContext"]["readOnlyRootFilesystem"]
    for probe in ("livenessProbe", "readinessProbe"):  # KubeRay's own need wget
        assert "httpGet" in container(group)[probe]


def test_a_worker_has_room_for_a_replica() -> None:
    [each] = CONFIG["applications"]
    assert int(container(WORKERS)["resources"]["limits"]["cpu"]) > each["args"]["cpus"]


def test_the_cluster_runs_the_ray_that_the_image_has() -> None:
    lock = (REPOSITORY / "requirements-scale.lock").read_text()
    [version] = re.findall(r"^ray==(\S+)", lock, re.MULTILINE)
    assert CLUSTER["rayVersion"] == version


def test_only_the_cluster_s_own_pods_and_the_operator_reach_ray() -> None:
    path = REPOSITORY / "deploy" / "kubernetes" / "ray" / "network.yaml"
    policy = yaml.safe_load(path.read_text())
    kubernetes_validate.validate(policy, LATEST, strict=True)
    labels = policy["spec"]["podSelector"]["matchLabels"]
    for group in (HEAD, WORKERS):
        assert group["template"]["metadata"]["labels"] == labels
    to_all = [rule for rule in policy["spec"]["ingress"] if "from" not in rule]
    assert [port["port"] for rule in to_all for port in rule["ports"]] == [
        CONFIG["http_options"]["port"]
    ]
