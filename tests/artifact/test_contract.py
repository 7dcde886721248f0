"""`model_artifacts/` as docs/architecture.md promises it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from service.engine.manifest import load_manifest
from tests.photos import views
from training.data.text import SPECIAL_WORDS

pytestmark = pytest.mark.artifact

MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def signature(artifact: Path) -> Any:
    model = tf.saved_model.load(str(artifact / "captioner"))
    signature = model.signatures["caption"]
    signature.keep_alive = model
    return signature


def test_every_listed_file_is_there_and_intact(artifact: Path) -> None:
    manifest = load_manifest(artifact)
    assert "captioner/saved_model.pb" in manifest.files
    assert "vocabulary.txt" in manifest.files


def test_every_file_of_the_saved_model_is_listed(artifact: Path) -> None:
    saved = {
        path.relative_to(artifact).as_posix()
        for path in (artifact / "captioner").rglob("*")
        if path.is_file()
    }
    assert saved <= load_manifest(artifact).files.keys()


def test_the_artifact_is_small_enough_to_be_kept_in_git(artifact: Path) -> None:
    sizes = [path.stat().st_size for path in artifact.rglob("*") if path.is_file()]
    assert max(sizes) < 50 * MEGABYTE
    assert sum(sizes) < 160 * MEGABYTE


def test_the_vocabulary_starts_with_the_special_words(artifact: Path) -> None:
    words = (artifact / "vocabulary.txt").read_text(encoding="utf-8").splitlines()
    assert tuple(words[:4]) == SPECIAL_WORDS
    assert len(set(words)) == len(words)


def test_the_signature_takes_and_gives_what_the_contract_says(signature: Any) -> None:
    taken = {spec.name: (spec.dtype, spec.shape.as_list()) for spec in signature.inputs[:5]}
    assert {name.partition(":")[0]: each for name, each in taken.items()} == {
        "images": (tf.uint8, [None, 224, 224, 3]),
        "beam_size": (tf.int32, []),
        "max_length": (tf.int32, []),
        "length_penalty": (tf.float32, []),
        "people": (tf.int32, []),
    }
    images = np.stack(list(views(2, 224)))
    found = signature(
        images=tf.constant(images),
        beam_size=tf.constant(4),
        max_length=tf.constant(7),
        length_penalty=tf.constant(0.5),
        people=tf.constant(0),
    )
    assert {name: (value.dtype, value.shape.as_list()) for name, value in found.items()} == {
        "tokens": (tf.int32, [2, 4, 8]),
        "token_log_probs": (tf.float32, [2, 4, 8]),
        "scores": (tf.float32, [2, 4]),
        "confidence": (tf.float32, [2, 4]),
        "attention": (tf.float32, [2, 4, 8, 7, 7]),
    }
    assert np.all(np.diff(found["scores"]) <= 0)


def test_the_manifest_says_how_good_the_model_is(artifact: Path) -> None:
    metrics = load_manifest(artifact).metrics
    assert (metrics["split"], metrics["images"]) == ("test", 1000)
    for name in ("BLEU-1", "BLEU-4", "METEOR", "ROUGE-L", "CIDEr"):
        low, high = metrics["scores"][name]["interval"]
        assert low <= metrics["scores"][name]["score"] <= high
    assert metrics["scores"]["CIDEr"]["score"] >= 55
    assert metrics["scores"]["METEOR"]["score"] >= 20
    assert metrics["coco"]["scores"]["CIDEr"]["score"] >= 55
    assert metrics["coco"]["objects"]["recall"]["share"] >= 0.78
    variety = metrics["variety"]
    assert variety["distinct_share"] >= 0.65
    assert (variety["repeated_trigrams"], variety["dangling_endings"]) == (0, 0)


def test_the_model_card_gives_the_manifest_s_numbers(artifact: Path) -> None:
    card = (artifact / "MODEL_CARD.md").read_text(encoding="utf-8")
    manifest = json.loads((artifact / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["name"] in card
    for name, each in manifest["metrics"]["scores"].items():
        assert f"| {name} | {each['score']:.1f} |" in card
