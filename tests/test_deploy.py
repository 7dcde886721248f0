"""Dockerfile, compose file, manifests and workflows, checked without their engines."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import jsonpatch
import kubernetes_validate
import pytest
import yaml

from deploy.release_check import changelog
from service import __version__
from service.readiness import State
from service.settings import Settings
from tests.conftest import REPOSITORY

BIN = Path(sys.executable).parent
KUBERNETES = REPOSITORY / "deploy" / "kubernetes"
DOCKERFILE = (REPOSITORY / "Dockerfile").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())
WORKFLOWS = sorted((REPOSITORY / ".github" / "workflows").glob("*.yml"))
SETTINGS = {f"CAPTION_{name.upper()}" for name in Settings.model_fields}


def run(*command: str) -> None:
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_hadolint_finds_nothing_in_the_dockerfile() -> None:
    run(str(BIN / "hadolint"), "Dockerfile")


def test_the_compose_file_follows_its_schema() -> None:
    run(
        str(BIN / "check-jsonschema"),
        "--builtin-schema",
        "vendor.compose-spec",
        "docker-compose.yml",
    )


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_follow_their_schema(workflow: Path) -> None:
    schema = "vendor.github-workflows"
    run(str(BIN / "check-jsonschema"), "--builtin-schema", schema, str(workflow))


def test_workflows_call_targets_that_exist() -> None:
    makefile = (REPOSITORY / "Makefile").read_text()
    targets = re.findall(r"run: make ([a-z -]+)", "".join(map(Path.read_text, WORKFLOWS)))
    assert targets
    for target in " ".join(targets).split():
        assert f"\n{target}:" in makefile


def test_the_image_holds_what_the_service_needs_and_nothing_else() -> None:
    lines = (REPOSITORY / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if not line.startswith("#")]
    assert rules[0] == "*"
    allowed = {rule[1:] for rule in rules if rule.startswith("!")}
    copied = set(re.findall(r"^COPY (?!--from)(\S+) ", DOCKERFILE, re.MULTILINE))
    locks = {"requirements-cpu.lock", "requirements-gpu.lock"}
    assert allowed == copied - {"${LOCK}"} | locks
    assert all((REPOSITORY / each).exists() for each in allowed)


def test_the_image_runs_unprivileged_and_is_asked_for_its_health() -> None:
    final = DOCKERFILE.rpartition("\nFROM ")[2]
    assert "\nUSER 10001:0\n" in final
    assert '\nENTRYPOINT ["python", "-m", "service"]\n' in final
    assert 'CMD ["python", "-m", "service", "health"]' in final
    assert set(re.findall(r"CAPTION_\w+", final)) <= SETTINGS


def test_every_service_of_ours_is_confined() -> None:
    ours = [each for name, each in COMPOSE["services"].items() if name.startswith("captions")]
    assert len(ours) == 2
    for each in ours:
        assert each["read_only"]
        assert each["cap_drop"] == ["ALL"]
        assert each["security_opt"] == ["no-new-privileges:true"]
        assert each["deploy"]["resources"]["limits"]["memory"]
        assert set(each.get("environment", {})) <= SETTINGS


def test_only_the_cpu_service_starts_unless_more_is_asked_for() -> None:
    default = [name for name, each in COMPOSE["services"].items() if "profiles" not in each]
    assert default == ["captions"]
    [device] = COMPOSE["services"]["captions-gpu"]["deploy"]["resources"]["reservations"]["devices"]
    assert device["capabilities"] == ["gpu"]


def test_the_files_that_compose_mounts_exist() -> None:
    for service in COMPOSE["services"].values():
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            assert source in COMPOSE["volumes"] or (REPOSITORY / source).exists()


def grace(seconds: str) -> int:
    return int(seconds.removesuffix("s"))


def test_every_place_gives_it_the_time_to_answer_what_it_accepted() -> None:
    needed = Settings().deadline_seconds + Settings().drain_seconds + 5
    assert grace(COMPOSE["services"]["captions"]["stop_grace_period"]) > needed
    pod = rendered("cpu")["Deployment"]["spec"]["template"]["spec"]
    slept = int(pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][1])
    assert pod["terminationGracePeriodSeconds"] > needed + slept


def rendered(overlay: str) -> dict[str, Any]:
    """The manifests by kind, with the overlay's JSON patches and image names."""
    folder = KUBERNETES / overlay
    description = yaml.safe_load((folder / "kustomization.yaml").read_text())
    [base] = description["resources"]
    names = yaml.safe_load((folder / base / "kustomization.yaml").read_text())["resources"]
    manifests = [yaml.safe_load((folder / base / name).read_text()) for name in names]
    by_kind = {each["kind"]: each for each in manifests}
    for patch in description.get("patches", ()):
        kind = patch["target"]["kind"]
        assert by_kind[kind]["metadata"]["name"] == patch["target"]["name"]
        by_kind[kind] = jsonpatch.apply_patch(by_kind[kind], yaml.safe_load(patch["patch"]))
    [image] = description["images"]
    container = by_kind["Deployment"]["spec"]["template"]["spec"]["containers"][0]
    name = container["image"].partition(":")[0]
    assert image["name"] == name
    container["image"] = f"{name}:{image['newTag']}"
    return by_kind


@pytest.mark.parametrize("overlay", ["cpu", "gpu"])
def test_manifests_follow_the_schema_of_kubernetes(overlay: str) -> None:
    manifests = rendered(overlay)
    assert set(manifests) == {
        "Deployment",
        "Service",
        "HorizontalPodAutoscaler",
        "PodDisruptionBudget",
        "NetworkPolicy",
    }
    for manifest in manifests.values():
        kubernetes_validate.validate(manifest, kubernetes_validate.latest_version(), strict=True)


@pytest.mark.parametrize("overlay", ["cpu", "gpu"])
def test_pods_are_confined_and_name_real_settings_and_paths(
    overlay: str, app_paths: set[str]
) -> None:
    manifests = rendered(overlay)
    pod = manifests["Deployment"]["spec"]["template"]["spec"]
    [container] = pod["containers"]
    assert container["image"] == f"photo-captions:{overlay}"
    assert pod["securityContext"]["runAsNonRoot"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert {each["name"] for each in container["env"]} <= SETTINGS
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"]["path"] in app_paths
    labels = manifests["Deployment"]["spec"]["template"]["metadata"]["labels"]
    for kind, where in (("Service", "selector"), ("PodDisruptionBudget", "selector")):
        selector = manifests[kind]["spec"][where]
        assert selector.get("matchLabels", selector) == labels


@pytest.fixture
def app_paths() -> set[str]:
    from service.app import create_app

    return set(create_app().openapi()["paths"])


def test_only_the_gpu_pod_asks_for_a_gpu() -> None:
    limits = {
        overlay: rendered(overlay)["Deployment"]["spec"]["template"]["spec"]["containers"][0][
            "resources"
        ]["limits"]
        for overlay in ("cpu", "gpu")
    }
    assert "nvidia.com/gpu" not in limits["cpu"]
    assert limits["gpu"]["nvidia.com/gpu"] == "1"


def test_prometheus_asks_the_service_of_the_compose_file() -> None:
    config = yaml.safe_load((REPOSITORY / "deploy/prometheus/prometheus.yml").read_text())
    [target] = config["scrape_configs"][0]["static_configs"][0]["targets"]
    assert target.partition(":")[0] in COMPOSE["services"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("# Changelog\n\n## 1.2.3 (2026-11-23)\n- New.\n", None),
        ("# Changelog\n\n## 1.2.3 (unreleased)\n- New.\n", "write the date of its release"),
        (
            "# Changelog\n\n## 1.2.2 (2026-11-23)\n- Old.\n",
            "does not begin with an entry for 1.2.3",
        ),
        ("# Changelog\n", "does not begin with an entry for 1.2.3"),
    ],
)
def test_a_release_needs_a_dated_entry_in_the_changelog(text: str, complaint: str | None) -> None:
    complaints = list(changelog(text, "1.2.3"))
    assert len(complaints) == (complaint is not None)
    assert all(complaint in each for each in complaints if complaint)


def test_the_changelog_s_newest_entry_is_of_this_version() -> None:
    text = (REPOSITORY / "CHANGELOG.md").read_text()
    assert not [each for each in changelog(text, __version__) if "begin" in each]


def test_states_that_probes_see_are_documented() -> None:
    operations = (REPOSITORY / "docs" / "operations.md").read_text()
    for state in get_args(State):
        assert f"`{state}`" in operations
