"""What every engine makes of the signature's outputs."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from service.engine.artifact import ArtifactCaptioner, Inputs, Outputs
from service.engine.captions import Engine, assess
from tests.service.conftest import SIDE, tiny_manifest

WORDS = ("<pad>", "<start>", "<end>", "<unk>", "a", "dog")


class Recorded(ArtifactCaptioner):
    """Answers with outputs that are given, and keeps its inputs."""

    engine: Engine = "openvino"

    def __init__(self, folder: Path, outputs: Outputs) -> None:
        (folder / "vocabulary.txt").write_text("\n".join(WORDS) + "\n")
        super().__init__(folder, tiny_manifest(), "CPU", at_once=1)
        self.outputs = outputs
        self.inputs: list[Inputs] = []

    def run(self, inputs: Inputs) -> Outputs:
        self.inputs.append(inputs)
        rows = len(np.asarray(inputs["images"]))
        return {name: np.repeat(value, rows, axis=0) for name, value in self.outputs.items()}


def outputs(**others: npt.NDArray[Any]) -> Outputs:
    return {
        "tokens": np.array([[[4, 5, 2, 0], [5, 2, 0, 0]]], np.int32),
        "token_log_probs": np.array([[[-1, -2, -3, 0], [-4, -5, 0, 0]]], np.float32),
        "scores": np.array([[-6, -9]], np.float32),
        **others,
    }


def images(count: int = 1) -> npt.NDArray[np.uint8]:
    return np.zeros((count, SIDE, SIDE, 3), np.uint8)


def test_a_beam_ends_at_end(tmp_path: Path) -> None:
    captioner = Recorded(tmp_path, outputs())
    found = captioner.caption_now(images(2), captioner.manifest.search, time.perf_counter())
    assert [[beam.text for beam in beams] for beams in found.beams] == [["a dog", "dog"]] * 2
    first = found.beams[0][0]
    assert [word.log_probability for word in first.words] == [-1, -2]
    assert (first.end_log_probability, first.score, first.attention) == (-3, -6, None)


def test_attention_is_kept_for_the_words_and_the_end(tmp_path: Path) -> None:
    captioner = Recorded(tmp_path, outputs(attention=np.ones((1, 2, 4, 7, 7), np.float32)))
    (beams,) = captioner.caption_now(images(), captioner.manifest.search, 0.0).beams
    shapes = [beam.attention.shape for beam in beams if beam.attention is not None]
    assert shapes == [(3, 7, 7), (2, 7, 7)]


def test_the_options_are_scalars_of_the_contract_s_types(tmp_path: Path) -> None:
    captioner = Recorded(tmp_path, outputs())
    captioner.caption_now(images(), captioner.manifest.options(beam_size=2), 0.0)
    (given,) = captioner.inputs
    dtypes = {name: np.asarray(value).dtype for name, value in given.items()}
    assert dtypes == {
        "images": np.uint8,
        "beam_size": np.int32,
        "max_length": np.int32,
        "length_penalty": np.float32,
        "people": np.int32,
    }


@pytest.mark.parametrize(("max_batch", "sizes"), [(1, [1]), (6, [1, 2, 4, 6])])
def test_warming_up_runs_every_size_of_a_batch(
    tmp_path: Path, max_batch: int, sizes: list[int]
) -> None:
    captioner = Recorded(tmp_path, outputs())
    captioner.warm_up(max_batch)
    assert [len(np.asarray(given["images"])) for given in captioner.inputs] == sizes


def test_people_are_named_as_asked(tmp_path: Path) -> None:
    captioner = Recorded(tmp_path, outputs())
    for people, number in (("seen", 0), ("neutral", 1), (None, 0)):
        options = captioner.manifest.search.model_copy(update={"people": people})
        captioner.caption_now(images(), options, time.perf_counter())
        assert captioner.inputs[-1]["people"] == number


def test_a_confidence_of_the_model_is_the_caption_s(tmp_path: Path) -> None:
    captioner = Recorded(tmp_path, outputs(confidence=np.array([[0.75, 0.5]], np.float32)))
    found = captioner.caption_now(images(), captioner.manifest.search, time.perf_counter())
    assert [beam.confidence for beam in found.beams[0]] == [0.75, 0.5]
    best = found.beams[0][0]
    assert best.attention is None
    surer = tiny_manifest(confidence={"threshold": 0.8})
    assert assess(best, surer) == (0.75, True)
    assert assess(best, tiny_manifest(confidence={"threshold": 0.7})) == (0.75, False)
    assert assess(best, tiny_manifest()) == (None, None)
