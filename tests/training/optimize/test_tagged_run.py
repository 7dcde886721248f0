"""From tags to a run that was rewarded for objects, on generated photos."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
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


def test_a_run_with_tags_of_its_own_begins_with_one_of_other_tags(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset, features = everyday(channels=FEATURES)
    fit_tags(dataset, features, CONFIG).save(tmp_path / "tags")
    inputs = Inputs(dataset, features, "imagenet", tags=tmp_path / "tags")
    train(settings(), inputs, tmp_path / "first", False, dev_scores)
    mine = replace(dataset, labels={}, texts=(), uncaptioned=())
    fit_tags(mine, features, CONFIG).save(tmp_path / "mine")
    capsys.readouterr()
    inputs = Inputs(mine, features, "imagenet", tmp_path / "first", tmp_path / "mine")
    train(settings(texts=20, learning_rate=1e-9), inputs, tmp_path / "second", False, dev_scores)
    printed = capsys.readouterr().out
    assert "texts = 20 is left out: there are no captions without photos" in printed
    assert "fresh" not in printed
    before, after = (load_run(tmp_path / run, "imagenet") for run in ("first", "second"))
    assert before.tag_head is not None
    assert after.tag_head is not None
    assert after.tag_head.names.read < before.tag_head.names.read
    rows_before, rows_after = (each.decoder.tag.kernel.numpy() for each in (before, after))
    place = before.tag_head.names.grams["cat"] + len(before.tag_head.names.objects)
    np.testing.assert_allclose(
        rows_after[after.tag_head.names.grams["cat"]], rows_before[place], atol=1e-5
    )


def test_tags_of_other_photos_are_refused(tmp_path: Path) -> None:
    dataset, features = everyday(channels=FEATURES)
    fit_tags(dataset, features, CONFIG).save(tmp_path / "tags")
    more = replace(
        dataset,
        captions=dict(dataset.captions) | {"new": ("A cat .",)},
        splits=dict(dataset.splits) | {"train": (*dataset.splits["train"], "new")},
    )
    inputs = Inputs(more, features, "imagenet", tags=tmp_path / "tags")
    with pytest.raises(ValueError, match="no tags of 1 training photos, first new; run"):
        train(settings(), inputs, tmp_path / "run", False, dev_scores)


def test_a_decoder_that_reads_tags_asks_for_them_and_others_refuse_them(tmp_path: Path) -> None:
    dataset, features = everyday()
    with pytest.raises(ValueError, match="needs the folder of `python -m training tag`"):
        train(settings(), Inputs(dataset, features, "imagenet"), tmp_path, False, dev_scores)
    given = Inputs(dataset, features, "imagenet", tags=tmp_path)
    with pytest.raises(ValueError, match="the decoder lstm reads no tags; see --tags"):
        train(small("lstm"), given, tmp_path, False, dev_scores)
