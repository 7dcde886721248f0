"""From tags to a run that was rewarded for objects, on generated photos."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.training.optimize.small import rows, small
from tests.training.optimize.test_tagging import CONFIG, everyday
from tests.training.shapes import FEATURES
from training.config import TrainConfig
from training.optimize.average import average
from training.optimize.inputs import Inputs
from training.optimize.run_folder import load_run
from training.optimize.tagging import fit_tags
from training.optimize.train import train

pytestmark = pytest.mark.tensorflow


def settings(**changes: Any) -> TrainConfig:
    return small("tagged-attention", epochs=1, batch_images=16, **changes)


def dev_scores(*_: Any) -> dict[str, float]:
    return {"CIDEr": 1.0}


def test_a_run_reads_photos_tags_and_texts_and_goes_on_with_the_reward(tmp_path: Path) -> None:
    dataset, features = everyday(channels=FEATURES)
    found = fit_tags(dataset, features, CONFIG)
    found.save(tmp_path / "tags")
    first = Inputs(dataset, features, "imagenet", tags=tmp_path / "tags")
    config = settings(texts=20, batch_texts=10)
    train(config, first, tmp_path / "words", False, dev_scores)
    (row,) = rows(tmp_path / "words")
    assert row["loss"] > 0
    loaded = load_run(tmp_path / "words", "imagenet")
    assert loaded.tag_head is not None
    assert loaded.config.decoder.tags == found.head.names.read
    assert loaded.vocabulary.words == found.vocabulary.words
    assert (loaded.decoder.object_column.numpy() < loaded.decoder.tags).any()

    second = Inputs(dataset, features, "imagenet", tmp_path / "words", tmp_path / "tags")
    config = settings(objective="cider", object_bonus=0.25, object_penalty=0.35, samples=2)
    train(config, second, tmp_path / "reward", False, dev_scores)
    (row,) = rows(tmp_path / "reward")
    assert "reward" in row
    sharpness = float(load_run(tmp_path / "reward", "imagenet").decoder.sharpness)
    assert sharpness == pytest.approx(1 / config.temperature)
    described = json.loads((tmp_path / "reward" / "config.json").read_text())
    assert described["start"]["run"] == "words"

    average([tmp_path / "reward", tmp_path / "reward"], tmp_path / "mean")
    mean = load_run(tmp_path / "mean", "imagenet")
    assert mean.tag_head is not None
    columns = mean.decoder.word_column.numpy()
    assert columns.tolist() == found.head.names.word_columns(found.vocabulary).tolist()


def test_a_decoder_that_reads_tags_asks_for_them_and_others_refuse_them(tmp_path: Path) -> None:
    dataset, features = everyday()
    with pytest.raises(ValueError, match="needs the folder of `python -m training tag`"):
        train(settings(), Inputs(dataset, features, "imagenet"), tmp_path, False, dev_scores)
    given = Inputs(dataset, features, "imagenet", tags=tmp_path)
    with pytest.raises(ValueError, match="the decoder lstm reads no tags; see --tags"):
        train(small("lstm"), given, tmp_path, False, dev_scores)
