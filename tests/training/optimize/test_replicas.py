"""A step shared by two devices is the step of one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import tensorflow as tf

from tests.conftest import REPOSITORY
from tests.training.optimize.small import rows
from training.optimize.replicas import Replicas

pytestmark = pytest.mark.tensorflow


def test_steps_on_two_devices_are_those_of_one_and_a_run_can_be_resumed_on_one(
    tmp_path: Path,
) -> None:
    command = [sys.executable, "-m", "tests.training.optimize.two_devices", str(tmp_path)]
    quiet = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        command, cwd=REPOSITORY, env=quiet, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]
    (line,) = (each for each in done.stdout.splitlines() if each.startswith("compared "))
    found = json.loads(line.removeprefix("compared "))
    assert found.keys() == {"attention", "fine-tuned"}
    for name, differences in found.items():
        assert differences["loss"] < 1e-4, name
        assert differences["weights"] < 1e-3, name  # which moved by 0.01 a step
    assert [row["epoch"] for row in rows(tmp_path / "run")] == [1, 2]
    assert (tmp_path / "run" / "best.weights.h5").is_file()


def test_more_devices_than_there_are_are_rejected() -> None:
    there = len(tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU"))
    with pytest.raises(ValueError, match=f"--devices {there + 1}: TensorFlow sees {there}"):
        Replicas(there + 1)
    with pytest.raises(ValueError, match="--devices 0"):
        Replicas(0)
