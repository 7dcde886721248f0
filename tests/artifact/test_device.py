"""On which processor the model runs."""

from typing import Literal

import pytest
import tensorflow as tf

from service.engine.errors import DeviceError
from service.engine.saved_model import check_device
from service.settings import Settings

pytestmark = pytest.mark.artifact


def test_a_gpu_that_is_asked_for_must_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [])
    with pytest.raises(DeviceError, match=r"finds no GPU.*or set it to auto"):
        check_device(Settings(device="gpu"))
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [kind])
    check_device(Settings(device="gpu"))


@pytest.mark.parametrize("device", ["auto", "cpu"])
def test_nothing_else_needs_one(
    device: Literal["auto", "cpu"], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [])
    check_device(Settings(device=device))
