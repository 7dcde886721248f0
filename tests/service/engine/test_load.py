"""Which engine is chosen, without importing any."""

import os
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from service.engine import load
from service.engine.errors import ArtifactError, DeviceError
from service.engine.load import choose_engine
from service.settings import Settings
from tests.service.conftest import tiny_manifest

PLAIN = tiny_manifest()
BOTH = tiny_manifest(engines={"openvino": {"file": "openvino/captioner.xml", "precision": "int8"}})


class Machine:
    """What is installed, and whether there is a driver of a GPU, and a GPU."""

    def __init__(self, patch: pytest.MonkeyPatch, folder: Path) -> None:
        self.installed = {"openvino", "tensorflow"}
        self.driver = folder / "driver"
        self.gpu = False
        self.asked = 0
        patch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        patch.setattr(load, "find_spec", self._find_spec)
        patch.setattr(load, "GPU_DRIVERS", (self.driver,))
        tensorflow = ModuleType("service.engine.saved_model")
        tensorflow.has_gpu = self._has_gpu  # type: ignore[attr-defined]
        patch.setitem(sys.modules, "service.engine.saved_model", tensorflow)

    def _find_spec(self, name: str) -> ModuleSpec | None:
        return ModuleSpec(name, None) if name in self.installed else None

    def _has_gpu(self) -> bool:
        self.asked += 1
        return self.gpu


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Machine:
    return Machine(monkeypatch, tmp_path)


def test_a_cpu_runs_openvino_where_the_model_has_a_form_for_it(machine: Machine) -> None:
    assert choose_engine(Settings(), BOTH) == "openvino"
    assert choose_engine(Settings(), PLAIN) == "tensorflow"
    assert machine.asked == 0  # which would import TensorFlow


def test_a_gpu_runs_tensorflow(machine: Machine) -> None:
    machine.driver.touch()
    machine.gpu = True
    assert choose_engine(Settings(), BOTH) == "tensorflow"
    assert choose_engine(Settings(device="gpu"), BOTH) == "tensorflow"
    assert choose_engine(Settings(device="cpu"), BOTH) == "openvino"


def test_a_driver_without_a_gpu_is_no_gpu(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.driver.touch()
    assert choose_engine(Settings(), BOTH) == "openvino"
    assert machine.asked == 1
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert choose_engine(Settings(), BOTH) == "openvino"
    assert machine.asked == 1


@pytest.mark.parametrize("missing", ["openvino", "tensorflow"])
def test_auto_takes_what_is_installed(machine: Machine, missing: str) -> None:
    machine.installed.remove(missing)
    machine.driver.touch()
    assert choose_engine(Settings(), BOTH) in machine.installed


def test_the_engine_that_is_named_is_taken(machine: Machine) -> None:
    machine.driver.touch()
    machine.gpu = True
    assert choose_engine(Settings(engine="openvino"), BOTH) == "openvino"
    assert choose_engine(Settings(engine="tensorflow", device="cpu"), BOTH) == "tensorflow"


def test_a_form_that_the_model_lacks_is_told_with_the_way_to_write_it(machine: Machine) -> None:
    with pytest.raises(ArtifactError, match="no OpenVINO form: write it with `python -m training"):
        choose_engine(Settings(engine="openvino"), PLAIN)


@pytest.mark.parametrize(
    ("settings", "manifest", "missing"),
    [
        ({"engine": "openvino"}, BOTH, "openvino"),
        ({"engine": "tensorflow"}, BOTH, "tensorflow"),
        ({"device": "gpu"}, BOTH, "tensorflow"),
        ({}, PLAIN, "tensorflow"),
    ],
)
def test_an_engine_that_is_not_installed_is_named(
    machine: Machine, settings: dict[str, Any], manifest: Any, missing: str
) -> None:
    machine.installed.remove(missing)
    with pytest.raises(DeviceError, match=f"{missing}, which is not installed"):
        choose_engine(Settings(**settings), manifest)


@pytest.mark.parametrize(("driver", "level"), [(False, "3"), (True, None)])
def test_tensorflow_is_told_not_to_complain_where_there_is_no_gpu(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, driver: bool, level: str | None
) -> None:
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "0")
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL")
    if driver:
        machine.driver.touch()
    stand_in = sys.modules["service.engine.saved_model"]
    monkeypatch.setattr(stand_in, "load_saved_model", lambda *given: None, raising=False)
    load._load(Settings(), PLAIN)
    assert os.environ.get("TF_CPP_MIN_LOG_LEVEL") == level
