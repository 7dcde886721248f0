"""The RayService of KubeRay, checked by Ray's schema of it and by that of Kubernetes' pods."""

import os
import re
import subprocess
import sys
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from pydantic import ValidationError
from ray.serve.schema import ServeDeploySchema

from deploy.ray.scale import Scale
from deploy.ray.serving import _for_all_machines
from service.settings import Settings, read_keys
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


@pytest.mark.parametrize("group", [HEAD, WORKERS], ids=["head", "workers"])
def test_ray_keeps_photos_in_memory(group: dict[str, Any]) -> None:
    [shared] = [v for v in group["template"]["spec"]["volumes"] if v["name"] == "shared-memory"]
    assert shared["emptyDir"] == {"medium": "Memory", "sizeLimit": "1Gi"}
    assert int(group["rayStartParams"]["object-store-memory"]) < 0.95 * 2**30


def test_the_application_reads_the_keys_where_it_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "keys").write_text("first\nsecond\n")
    monkeypatch.setenv("CAPTION_API_KEYS", "third")
    monkeypatch.setenv("CAPTION_API_KEYS_FILE", str(tmp_path / "keys"))
    settings = _for_all_machines(Settings(), Scale(cpus=3))
    assert settings.threads == 3
    assert settings.api_keys_file is None
    assert read_keys(settings.api_keys.get_secret_value(), None) == {"first", "second", "third"}


def test_ray_waits_for_what_was_accepted_and_tells_nobody_of_its_use() -> None:
    code = (
        "from deploy.ray.scale import Scale\n"
        "from deploy.ray.serving import application\n"
        "from ray._common.usage.usage_lib import usage_stats_enabled\n"
        "from ray.serve._private.build_app import build_app\n"
        "built = build_app(application(Scale()), name='captions')\n"
        "print(usage_stats_enabled())\n"
        "for each in built.deployments:\n"
        "    print(each._deployment_config.graceful_shutdown_timeout_s)\n"
    )
    environment = os.environ | {"CAPTION_DEADLINE_SECONDS": "40", "CAPTION_RECEIVE_SECONDS": "7"}
    environment.pop("RAY_USAGE_STATS_ENABLED", None)
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=REPOSITORY)
    assert done.stdout.split() == ["False", "52.0", "52.0"], done.stderr


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
