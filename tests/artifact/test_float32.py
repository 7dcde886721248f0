"""The shipped graph in OpenVINO before it is quantised, beside TensorFlow: the same captions.

What differs between the shipped int8 form and TensorFlow is then the quantisation's alone.
"""

import shutil
from pathlib import Path

import numpy as np
import openvino as ov
import pytest

from service.engine.artifact import ArtifactCaptioner, Outputs
from service.engine.captions import Pixels
from service.engine.manifest import load_manifest
from service.engine.openvino import NAME, OpenVinoCaptioner
from service.engine.saved_model import SavedModelCaptioner
from tests.photos import views
from training.release.openvino_form import convert

pytestmark = pytest.mark.artifact

PHOTOS = 8
BEAMS = (1, 3, 10)
# About 1e-5 was measured; a wrong weight or a step too many makes 0.1 and more.
TOLERANCE = 1e-3
# Rounding may put another candidate tenth, where two are nearly as probable.
SAME = 0.95

Found = dict[int, Outputs]  # by beam size


@pytest.fixture(scope="module")
def openvino(artifact: Path, tmp_path_factory: pytest.TempPathFactory) -> OpenVinoCaptioner:
    """OpenVINO's engine with the SavedModel's graph in float32."""
    manifest = load_manifest(artifact)
    if NAME not in manifest.engines:
        pytest.skip("the artifact has no OpenVINO form")
    folder = tmp_path_factory.mktemp("float32")
    shutil.copy(artifact / "vocabulary.txt", folder)
    file = folder / manifest.engines[NAME].file
    ov.save_model(convert(artifact / "captioner"), file, compress_to_fp16=False)
    return OpenVinoCaptioner(folder, manifest, threads=2)


@pytest.fixture(scope="module")
def photos() -> Pixels:
    return np.stack(list(views(PHOTOS, 224)))


@pytest.fixture(scope="module")
def ours(openvino: OpenVinoCaptioner, photos: Pixels) -> Found:
    return {beams: run(openvino, photos, beams) for beams in BEAMS}


@pytest.fixture(scope="module")
def reference(artifact: Path, photos: Pixels) -> Found:
    captioner = SavedModelCaptioner(artifact, load_manifest(artifact))
    return {beams: run(captioner, photos, beams) for beams in BEAMS}


def run(captioner: ArtifactCaptioner, photos: Pixels, beams: int) -> Outputs:
    search = captioner.manifest.search
    return captioner.run(
        {
            "images": photos,
            "beam_size": np.int32(beams),
            "max_length": np.int32(search.max_length),
            "length_penalty": np.float32(search.length_penalty),
            "people": np.int32(0),
        }
    )


def same(ours: Outputs, reference: Outputs) -> "np.ndarray[tuple[int, ...], np.dtype[np.bool_]]":
    """Of each photo and rank, whether both wrote the same caption."""
    assert ours["tokens"].shape == reference["tokens"].shape
    return np.asarray((ours["tokens"] == reference["tokens"]).all(axis=-1))


@pytest.mark.parametrize("beams", BEAMS)
def test_the_best_caption_is_tensorflow_s(ours: Found, reference: Found, beams: int) -> None:
    scores = reference[max(BEAMS)]["scores"]
    clear = scores[:, 0] - scores[:, 1] > TOLERANCE  # not a matter of rounding
    assert clear.mean() >= 0.5
    assert same(ours[beams], reference[beams])[clear, 0].all()


def test_so_are_the_others_that_the_search_finds(ours: Found, reference: Found) -> None:
    assert same(ours[max(BEAMS)], reference[max(BEAMS)]).mean() >= SAME


@pytest.mark.parametrize("output", ["token_log_probs", "scores", "attention", "confidence"])
@pytest.mark.parametrize("beams", BEAMS)
def test_the_numbers_are_tensorflow_s(
    ours: Found, reference: Found, beams: int, output: str
) -> None:
    equal = same(ours[beams], reference[beams])
    np.testing.assert_allclose(
        ours[beams][output][equal], reference[beams][output][equal], rtol=0, atol=TOLERANCE
    )
