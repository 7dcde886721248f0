"""The OpenVINO engine, on a graph of a few operations; tests/artifact has the real one."""

import asyncio
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from service.engine.captions import Pixels
from service.engine.errors import ArtifactError
from service.engine.load import load_captioner
from service.engine.openvino import OpenVinoCaptioner
from service.settings import Settings
from tests.conftest import REPOSITORY
from tests.service.conftest import SIDE
from tests.service.tiny_model import write_tiny_model

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    write_tiny_model(folder)
    return folder


@pytest.fixture(scope="module")
def captioner(folder: Path) -> OpenVinoCaptioner:
    captioner = load_captioner(Settings(model_dir=folder, threads=1, max_batch=2))
    assert isinstance(captioner, OpenVinoCaptioner)
    return captioner


def grey(*shades: int) -> Pixels:
    return np.stack([np.full((SIDE, SIDE, 3), shade, np.uint8) for shade in shades])


def captions(captioner: OpenVinoCaptioner, *shades: int) -> list[str]:
    found = captioner.caption_now(grey(*shades), captioner.manifest.search, time.perf_counter())
    return [beams[0].text for beams in found.beams]


def test_a_photo_gets_its_beams_best_first(captioner: OpenVinoCaptioner) -> None:
    search = captioner.manifest.options(beam_size=4)
    (beams,) = captioner.caption_now(grey(7), search, time.perf_counter()).beams
    assert [beam.text for beam in beams] == ["shade-7"] * 4
    assert [beam.score for beam in beams] == [-1, -2, -3, -4]
    assert (beams[1].words[0].log_probability, beams[1].end_log_probability) == (-1, -1)
    assert beams[0].attention is None


def test_a_batch_s_captions_are_those_of_its_photos_in_their_order(
    captioner: OpenVinoCaptioner,
) -> None:
    assert captions(captioner, 3, 250, 9) == ["shade-3", "shade-250", "shade-9"]
    assert captions(captioner, 9, 3) == ["shade-9", "shade-3"]


def test_an_answer_is_not_overwritten_by_the_next_one(captioner: OpenVinoCaptioner) -> None:
    inputs: dict[str, Any] = {"images": grey(1), "beam_size": np.int32(1)}
    inputs |= {"max_length": np.int32(3), "length_penalty": np.float32(0)}
    first = captioner.run(inputs)
    kept = first["tokens"].copy()
    captioner.run(inputs | {"images": grey(200)})
    np.testing.assert_array_equal(first["tokens"], kept)


async def test_batches_at_the_same_time_do_not_mix(folder: Path) -> None:
    captioner = load_captioner(Settings(model_dir=folder, threads=8, max_batch=1))
    assert captioner.at_once >= 1
    search = captioner.manifest.search
    found = await asyncio.gather(*(captioner.caption(grey(i), search) for i in range(20)))
    assert [each.beams[0][0].text for each in found] == [f"shade-{i}" for i in range(20)]


def test_a_graph_that_cannot_be_read_is_told_with_its_folder(tmp_path: Path) -> None:
    write_tiny_model(tmp_path)
    (tmp_path / "openvino" / "captioner.xml").write_text("<nothing/>")
    with pytest.raises(ArtifactError, match="cannot be loaded"):
        load_captioner(Settings(model_dir=tmp_path))


def test_tensorflow_is_never_imported(folder: Path) -> None:
    code = f"""
import sys
sys.modules["tensorflow"] = None  # importing it fails

from pathlib import Path
from service.engine.load import load_captioner
from service.settings import Settings

assert load_captioner(Settings(model_dir=Path({str(folder)!r}), threads=1)).engine == "openvino"
"""
    subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=True)
