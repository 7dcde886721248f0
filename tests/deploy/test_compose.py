"""The Dockerfile, the compose file and what it mounts, checked without a Docker engine."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from service.settings import Settings
from tests.conftest import REPOSITORY

BIN = Path(sys.executable).parent
COMPOSE: dict[str, Any] = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: each for name, each in SERVICES.items() if name.startswith("captions")}
SETTINGS = {f"CAPTION_{name.upper()}" for name in Settings.model_fields}


def run(*command: str) -> None:
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_hadolint_finds_nothing_in_the_dockerfile() -> None:
    run(str(BIN / "hadolint"), "Dockerfile")


def test_the_compose_file_follows_its_schema() -> None:
    schema = "vendor.compose-spec"
    run(str(BIN / "check-jsonschema"), "--builtin-schema", schema, "docker-compose.yml")


def test_every_service_of_ours_is_confined() -> None:
    assert len(OURS) == 2
    for each in OURS.values():
        assert each["read_only"]
        assert each["cap_drop"] == ["ALL"]
        assert each["security_opt"] == ["no-new-privileges:true"]
        assert each["deploy"]["resources"]["limits"]["memory"]


def test_settings_of_the_services_exist_and_take_their_values(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for each in OURS.values():
        for name, value in each["environment"].items():
            assert name in SETTINGS or name.startswith("OTEL_")
            if value is not None:  # or else it is that of whoever starts the service
                default = value.removeprefix(f"${{{name}:-").removesuffix("}")
                monkeypatch.setenv(name, default)
        Settings()


def test_every_setting_is_passed_on_but_those_of_the_container() -> None:
    container = {"HOST", "PORT", "MODEL_DIR", "API_KEYS_FILE"}
    for each in OURS.values():
        assert SETTINGS - set(each["environment"]) == {f"CAPTION_{name}" for name in container}


def test_no_port_is_open_to_other_machines_unless_asked_for() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert len(ports) == 3
    assert all(port.startswith(("${PUBLISH:-127.0.0.1}:", "127.0.0.1:")) for port in ports)


def test_images_are_built_from_locks_that_exist() -> None:
    for each in OURS.values():
        assert (REPOSITORY / each["build"]["args"]["LOCK"]).exists()


def test_only_the_cpu_service_starts_unless_more_is_asked_for() -> None:
    assert [name for name, each in SERVICES.items() if "profiles" not in each] == ["captions"]
    [device] = SERVICES["captions-gpu"]["deploy"]["resources"]["reservations"]["devices"]
    assert device["capabilities"] == ["gpu"]


def test_the_files_that_compose_mounts_exist() -> None:
    for service in SERVICES.values():
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            assert source in COMPOSE["volumes"] or (REPOSITORY / source).exists()


def test_a_container_has_the_time_to_answer_what_it_accepted() -> None:
    settings = Settings()
    needed = settings.receive_seconds + settings.deadline_seconds + settings.drain_seconds + 5
    for each in OURS.values():
        assert int(each["stop_grace_period"].removesuffix("s")) > needed


def test_prometheus_asks_the_service_of_the_compose_file() -> None:
    config = yaml.safe_load((REPOSITORY / "deploy/prometheus/prometheus.yml").read_text())
    [target] = config["scrape_configs"][0]["static_configs"][0]["targets"]
    assert target.partition(":")[0] in SERVICES
