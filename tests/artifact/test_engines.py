"""The model in OpenVINO beside the same model in TensorFlow."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from service.engine.artifact import ArtifactCaptioner
from service.engine.captions import Pixels
from service.engine.load import load_captioner
from service.engine.manifest import load_manifest
from service.engine.openvino import THREADS_A_STREAM, OpenVinoCaptioner
from service.engine.saved_model import SavedModelCaptioner
from service.settings import Settings
from tests.photos import views
from training.search.rules import has_repeated_trigram

pytestmark = pytest.mark.artifact

IMAGES = 24
MOST_CIDER_LOST = 0.3
# Of the time that TensorFlow's engine takes; about half was measured.
SLOWEST = 1.0

Written = list[tuple[str, float, float]]  # of each beam its text, score and log-probability


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


def every(captioner: ArtifactCaptioner, images: Pixels, beam_size: int) -> list[Written]:
    """All that is written of each image."""
    search = captioner.manifest.options(beam_size=beam_size)
    return [
        [(beam.text, beam.score, beam.log_probability) for beam in beams]
        for beams in captioner.caption_now(images, search, 0.0).beams
    ]


def alone(captioner: ArtifactCaptioner, images: Pixels, beam_size: int) -> list[Written]:
    return [every(captioner, image[np.newaxis], beam_size)[0] for image in images]


def check(found: Sequence[Written], expected: Sequence[Written]) -> None:
    """The same captions in the same order, and their numbers but for rounding."""
    for image, wanted in zip(found, expected, strict=True):
        assert [text for text, *_ in image] == [text for text, *_ in wanted]
        np.testing.assert_allclose(
            [numbers for _, *numbers in image], [numbers for _, *numbers in wanted], atol=1e-4
        )


@pytest.mark.parametrize("beam_size", [1, 3, 10])
def test_every_beam_is_the_same_alone_in_any_batch_and_in_any_order(
    openvino: OpenVinoCaptioner, images: Pixels, beam_size: int
) -> None:
    few = images[:12]
    expected = alone(openvino, few, beam_size)
    random = np.random.default_rng(beam_size)
    for size in (5, 8):
        order = random.permutation(len(few))
        for start in range(0, len(few), size):
            batch = order[start : start + size]
            check(every(openvino, few[batch], beam_size), [expected[i] for i in batch])


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_every_beam_is_the_same_whenever_it_is_loaded_and_with_any_number_of_threads(
    artifact: Path, openvino: OpenVinoCaptioner, images: Pixels, threads: int
) -> None:
    again = OpenVinoCaptioner(artifact, openvino.manifest, threads)
    check(every(again, images[:4], 3), alone(openvino, images[:4], 3))


def test_every_beam_is_the_same_while_other_batches_run(
    artifact: Path, openvino: OpenVinoCaptioner, images: Pixels
) -> None:
    several = OpenVinoCaptioner(artifact, openvino.manifest, threads=4 * THREADS_A_STREAM)
    assert several.at_once >= 2
    batches = [images[start : start + 4] for start in range(0, 16, 4)]
    expected = [every(openvino, batch, 3) for batch in batches]
    with ThreadPoolExecutor(len(batches)) as threads:
        found = threads.map(lambda batch: every(several, batch, 3), batches)
    for each, wanted in zip(found, expected, strict=True):
        check(each, wanted)


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
