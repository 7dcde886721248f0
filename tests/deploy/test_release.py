"""What is checked before a release, the workflows, and the locks that images are built from."""

import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest
import yaml

from benchmarks.image import suite_of
from deploy.release_check import changelog
from service import __version__
from service.http.readiness import State
from tests.conftest import REPOSITORY

BIN = Path(sys.executable).parent
WORKFLOWS = sorted((REPOSITORY / ".github" / "workflows").glob("*.yml"))


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_follow_their_schema(workflow: Path) -> None:
    command = [str(BIN / "check-jsonschema"), "--builtin-schema", "vendor.github-workflows"]
    done = subprocess.run([*command, str(workflow)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_workflows_call_targets_that_make_knows() -> None:
    steps = [
        step["run"]
        for workflow in WORKFLOWS
        for job in yaml.safe_load(workflow.read_text())["jobs"].values()
        for step in job["steps"]
        if step.get("run", "").startswith("make ")
    ]
    targets = [word for step in steps for word in step.split()[1:] if "=" not in word]
    assert targets
    for target in targets:
        command = ["make", "--dry-run", "--no-print-directory", target, "REGISTRY=none"]
        done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def test_the_tests_run_on_the_debian_that_ships() -> None:
    suite = suite_of((REPOSITORY / "Dockerfile").read_text())
    test = REPOSITORY / ".github" / "workflows" / "test.yml"
    assert yaml.safe_load(test.read_text())["jobs"]["test"]["container"] == f"debian:{suite}"


def test_training_on_gpus_needs_cuda_and_neither_ray_nor_browsers() -> None:
    lock = (REPOSITORY / "requirements-train-gpu.lock").read_text()
    pinned = {line.partition("==")[0] for line in lock.splitlines() if line[:1].isalpha()}
    assert {"nvidia-cudnn-cu12", "nvidia-nccl-cu12", "tensorflow", "scikit-learn"} <= pinned
    assert pinned.isdisjoint({"ray", "playwright", "pytest", "locust"})


def test_all_locks_pin_the_same_versions() -> None:
    pinned: dict[str, dict[str, str]] = {}
    for lock in REPOSITORY.glob("requirements*.lock"):
        for name, version in versions_in(lock).items():
            # What is compared is not deployed, and BentoML takes no newer OpenTelemetry.
            if lock.name != "requirements-compare.lock" or not name.startswith("opentelemetry"):
                pinned.setdefault(name, {})[lock.name] = version
    assert {"ray", "opentelemetry-sdk", "bentoml"} <= set(pinned)
    assert not {name: each for name, each in pinned.items() if len(set(each.values())) > 1}


def test_the_lock_of_what_is_compared_downloads_no_cuda() -> None:
    assert not {
        name
        for name in versions_in(REPOSITORY / "requirements-compare.lock")
        if name in ("torch", "triton") or (name.startswith("nvidia-") and name != "nvidia-ml-py")
    }


def versions_in(lock: Path) -> dict[str, str]:
    """The version of each package that a lock pins."""
    found = {}
    for line in lock.read_text().splitlines():
        name, equals, rest = line.partition("==")
        if equals and not line.startswith((" ", "#")):
            found[name] = rest.split()[0]
    return found


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
