"""The model in OpenVINO beside the same model in TensorFlow."""

import time
from pathlib import Path

import numpy as np
import pytest

from service.engine.artifact import ArtifactCaptioner
from service.engine.captions import Pixels
from service.engine.load import load_captioner
from service.engine.manifest import load_manifest
from service.engine.openvino import OpenVinoCaptioner
from service.engine.saved_model import SavedModelCaptioner
from service.settings import Settings
from tests.photos import views
from training.search.rules import has_repeated_trigram

pytestmark = pytest.mark.artifact

IMAGES = 24
MOST_CIDER_LOST = 0.3
# Of the time that TensorFlow's engine takes; about half was measured.
SLOWEST = 1.0


@pytest.fixture(scope="module")
def tensorflow(artifact: Path) -> SavedModelCaptioner:
    return SavedModelCaptioner(artifact, load_manifest(artifact))


@pytest.fixture(scope="module")
def openvino(artifact: Path) -> OpenVinoCaptioner:
    manifest = load_manifest(artifact)
    if "openvino" not in manifest.engines:
        pytest.skip("the artifact has no OpenVINO form")
    return OpenVinoCaptioner(artifact, manifest, threads=2)


@pytest.fixture(scope="module")
def images() -> Pixels:
    return np.stack(list(views(IMAGES, 224)))


def best(captioner: ArtifactCaptioner, images: Pixels, **options: int) -> list[str]:
    search = captioner.manifest.options(**options)
    return [beams[0].text for beams in captioner.caption_now(images, search, 0.0).beams]


@pytest.mark.parametrize("beam_size", [1, 3, 10])
def test_a_caption_is_the_same_alone_in_a_batch_and_in_any_order(
    openvino: OpenVinoCaptioner, images: Pixels, beam_size: int
) -> None:
    together = best(openvino, images[:8], beam_size=beam_size)
    assert best(openvino, images[:8], beam_size=beam_size) == together
    assert best(openvino, images[7::-1], beam_size=beam_size) == together[::-1]
    alone = [best(openvino, images[i : i + 1], beam_size=beam_size)[0] for i in range(8)]
    assert alone == together


def test_no_caption_repeats_a_trigram_and_each_has_words(
    openvino: OpenVinoCaptioner, images: Pixels
) -> None:
    for start in range(0, IMAGES, 8):
        for caption in best(openvino, images[start : start + 8]):
            assert caption
            assert not has_repeated_trigram(caption)


def test_quantising_costs_little_cider(openvino: OpenVinoCaptioner) -> None:
    manifest = openvino.manifest
    scores = manifest.engines["openvino"].scores
    lost = manifest.metrics["scores"]["CIDEr"]["score"] - scores["CIDEr"]["score"]
    assert lost <= MOST_CIDER_LOST


def test_auto_takes_openvino_where_there_is_no_gpu(
    artifact: Path, openvino: OpenVinoCaptioner
) -> None:
    captioner = load_captioner(Settings(model_dir=artifact, device="cpu", max_batch=1))
    assert captioner.engine == "openvino"


def test_openvino_is_not_slower_than_tensorflow(
    openvino: OpenVinoCaptioner, tensorflow: SavedModelCaptioner, images: Pixels
) -> None:
    """In processor time, which other work on the machine hardly changes."""
    taken: dict[str, list[float]] = {"openvino": [], "tensorflow": []}
    for i in range(8):
        for captioner in (openvino, tensorflow):
            search = captioner.manifest.options(beam_size=3)
            started = time.process_time()
            captioner.caption_now(images[i : i + 1], search, 0.0)
            taken[captioner.engine].append(time.process_time() - started)
    assert min(taken["openvino"]) <= SLOWEST * min(taken["tensorflow"])
