"""What `kubectl apply -k` makes of the manifests, for the parts of kustomize that they use."""

from pathlib import Path
from typing import Any

import jsonpatch
import yaml

from tests.conftest import REPOSITORY

KUBERNETES = REPOSITORY / "deploy" / "kubernetes"
OVERLAYS = ("cpu", "gpu")
Manifests = dict[str, dict[str, Any]]  # by kind


def rendered(overlay: str, *components: str) -> Manifests:
    """An overlay's resources with its patches and image names, and components added to it."""
    folder = KUBERNETES / overlay
    description = _load(folder / "kustomization.yaml")
    manifests = _resources(folder, description)
    for each in (
        description,
        *(_load(KUBERNETES / name / "kustomization.yaml") for name in components),
    ):
        _patch(manifests, each)
    for image in description.get("images", ()):
        [container] = pod(manifests)["containers"]
        name = container["image"].partition(":")[0]
        assert image["name"] == name
        container["image"] = f"{name}:{image['newTag']}"
    return manifests


def pod(manifests: Manifests) -> dict[str, Any]:
    """The specification of the deployment's pods."""
    spec: dict[str, Any] = manifests["Deployment"]["spec"]["template"]["spec"]
    return spec


def _load(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def _resources(folder: Path, description: dict[str, Any]) -> Manifests:
    manifests: Manifests = {}
    for name in description["resources"]:
        path = folder / name
        if path.is_dir():
            manifests |= _resources(path, _load(path / "kustomization.yaml"))
        else:
            manifest = _load(path)
            manifests[manifest["kind"]] = manifest
    return manifests


def _patch(manifests: Manifests, description: dict[str, Any]) -> None:
    for patch in description.get("patches", ()):
        kind = patch["target"]["kind"]
        assert manifests[kind]["metadata"]["name"] == patch["target"]["name"]
        manifests[kind] = jsonpatch.apply_patch(manifests[kind], yaml.safe_load(patch["patch"]))
