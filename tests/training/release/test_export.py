"""What `export` writes, the service can load, and it captions as the oracle does."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from service.engine.manifest import GenderThresholds, load_manifest
from service.engine.saved_model import SavedModelCaptioner
from tests.oracle import NumpyDecoder, beam_search
from tests.photos import views
from tests.training.guide_numbers import guide_numbers
from training.config import Architecture, DecoderConfig, TrainConfig
from training.data.text import SPECIAL_WORDS, Vocabulary
from training.models.encoder import Encoder, encode
from training.models.encoder_spec import RESNET50, EncoderSpec
from training.models.model import Model
from training.models.registry import DECODERS, build_decoder
from training.models.weights import read_dangling
from training.optimize.run_folder import load_run, weights_of
from training.release import export as exporting
from training.release.card import write_card
from training.release.card_facts import About
from training.release.export import export
from training.search.generate import Generator, SearchOptions

pytestmark = pytest.mark.tensorflow

WORDS = (*SPECIAL_WORDS, *(f"word{i}" for i in range(36)))
SEARCH = {"beam_size": 2, "max_length": 6, "length_penalty": 0.5}


def small_encoder(weights: str, stage: Path | None = None, spec: EncoderSpec = RESNET50) -> Encoder:
    """224x224 pixels to a 7x7 grid, as ResNet50 does, at a thousandth of the work."""
    keras.utils.set_random_seed(1)
    pixels, grid = keras.Input((224, 224, 3)), keras.Input((14, 14, 1024))
    narrow = keras.layers.Dense(1024, activation="relu")(keras.layers.AveragePooling2D(16)(pixels))
    maps = keras.layers.Dense(2048, activation="relu")(keras.layers.AveragePooling2D(2)(grid))
    encoder = Encoder(keras.Model(pixels, narrow), keras.Model(grid, maps))
    if stage:
        encoder.stage.load_weights(stage)
    return encoder


def write_run(run: Path, architecture: Architecture) -> None:
    """A run as train, tune and evaluate leave it, with random weights."""
    keras.utils.set_random_seed(0)
    config = TrainConfig(
        decoder=DecoderConfig(architecture=architecture, units=16, attention_units=8)
    )
    decoder = build_decoder(config.decoder, len(WORDS))
    for weight in decoder.weights:
        weight.assign(weight + 0.3 * tf.random.normal(weight.shape))
    run.mkdir()
    Vocabulary(WORDS).save(run / "vocabulary.txt")
    (run / "dangling.txt").write_text("".join(f"{word}\n" for word in WORDS[4:16]))
    decoder.save_weights(run / "best.weights.h5")
    described = {"train": config.model_dump(), "encoder_weights": "imagenet", "provenance": {}}
    (run / "config.json").write_text(json.dumps(described))
    (run / "search.json").write_text(json.dumps({"chosen": SEARCH}))
    scores = {"CIDEr": {"score": 12.34, "interval": [11.0, 13.0]}}
    variety = {"distinct_share": 0.5, "copied_from_training_share": 0.25, "vocabulary_used": 9}
    measured = {"split": "test", "images": 3, "search": SEARCH, "provenance": {}}
    (run / "test.json").write_text(json.dumps(measured | {"scores": scores, "variety": variety}))


@pytest.fixture(scope="module", params=["lstm", "soft-attention", "attention"])
def exported(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """An artifact that no test changes."""
    root = tmp_path_factory.mktemp("exported")
    write_run(root / "run", request.param)
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(exporting, "load_encoder", small_encoder)
        export(root / "run", "imagenet", "small", "1.2.3", root / "artifact")
    yield root / "artifact"
    keras.backend.clear_session()


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run that can be exported at once."""
    monkeypatch.setattr(exporting, "load_encoder", small_encoder)
    write_run(tmp_path / "run", "lstm")
    return tmp_path / "run"


def test_it_tells_which_words_no_caption_ends_on(exported: Path) -> None:
    assert read_dangling(exported, Vocabulary(tuple(WORDS))) == {"<start>", *WORDS[4:16]}


def test_the_service_loads_it_and_finds_the_captions_of_the_oracle(exported: Path) -> None:
    manifest = load_manifest(exported)
    captioner = SavedModelCaptioner(exported, manifest)
    model: Any = tf.saved_model.load(str(exported / "captioner"))
    images = np.stack(list(views(3, 224)))
    options = manifest.options(beam_size=3)
    found = captioner.caption_now(images, options, time.perf_counter()).beams
    weights = {name: value.numpy() for name, value in model.decoder_weights.items()}
    for beams, maps in zip(found, model.encode(images).numpy(), strict=True):
        expected = beam_search(
            NumpyDecoder(weights, maps),
            model.dangling.numpy(),
            3,
            options.max_length,
            options.length_penalty,
        )
        for beam, hypothesis in zip(beams, expected, strict=True):
            assert [word.text for word in beam.words] == [
                WORDS[token] for token in hypothesis.tokens[:-1]
            ]
            assert beam.score == pytest.approx(hypothesis.score(0.5), abs=1e-4)
            assert beam.log_probability == pytest.approx(hypothesis.total, abs=1e-4)


def test_attention_is_given_only_where_the_decoder_attends(exported: Path) -> None:
    model: Any = tf.saved_model.load(str(exported / "captioner"))
    outputs = model.signatures["caption"].structured_outputs
    attends = load_manifest(exported).architecture != "lstm"
    assert ("attention" in outputs) == attends


def test_the_manifest_tells_the_run_s_search_scores_and_origin(exported: Path) -> None:
    manifest = load_manifest(exported)
    assert (manifest.name, manifest.version) == ("small", "1.2.3")
    assert manifest.search.model_dump(exclude_unset=True) == SEARCH
    assert manifest.metrics["scores"]["CIDEr"]["score"] == 12.34
    assert manifest.provenance["training"]["encoder_weights"] == "imagenet"
    assert manifest.input.resize_filter == "bicubic"


def test_the_manifest_has_a_guide_s_thresholds_of_adults_and_of_children() -> None:
    described = exporting._guided(guide_numbers())
    least = {"male": 0.6, "female": 0.46, "boy": 0.5, "girl": 0.38}
    assert described["gender_thresholds"] == least
    assert GenderThresholds.model_validate(least).model_dump() == least


# A decoder that reads tags is exported with its guide: tests/artifact has what ships.
@pytest.mark.parametrize("architecture", sorted({*DECODERS} - {"tagged-attention"}))
def test_what_is_served_is_what_was_trained(
    architecture: Architecture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "load_encoder", small_encoder)
    write_run(tmp_path / "run", architecture)
    export(tmp_path / "run", "imagenet", "small", "1", tmp_path / "artifact")
    manifest = load_manifest(tmp_path / "artifact")
    images = np.stack(list(views(3, 224)))
    served = SavedModelCaptioner(tmp_path / "artifact", manifest).caption_now(
        images, manifest.search, time.perf_counter()
    )
    loaded = load_run(tmp_path / "run", "imagenet")
    generator = Generator(Model(loaded.decoder), loaded.rules, loaded.vocabulary)
    maps = encode(small_encoder("imagenet"), tf.constant(images), both_sides=True)
    trained = generator.beams_of(maps.numpy().astype(np.float16), SearchOptions(2, 6, 0.5))
    for beams, expected in zip(served.beams, trained, strict=True):
        best = expected.first(SEARCH["length_penalty"])
        assert " ".join(word.text for word in beams[0].words) == expected.captions[best]
        assert beams[0].log_probability == pytest.approx(expected.log_probs[best], abs=0.02)


def test_the_artifact_sees_both_sides_where_the_run_learned_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "load_encoder", small_encoder)
    write_run(tmp_path / "run", "lstm")
    config = tmp_path / "run" / "config.json"
    seen: list[bool] = []

    def spy(encoder: Encoder, images: tf.Tensor, both_sides: bool) -> tf.Tensor:
        seen.append(both_sides)
        return encode(encoder, images, both_sides)

    monkeypatch.setattr(exporting, "encode", spy)
    for mirror in (True, False):
        described = json.loads(config.read_text())
        described["train"]["mirror"] = mirror
        config.write_text(json.dumps(described))
        export(tmp_path / "run", "imagenet", "small", "1", tmp_path / "artifact")
        assert set(seen) == {mirror}
        seen.clear()


def test_the_model_card_carries_the_scores(exported: Path) -> None:
    card = (exported / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert "| CIDEr | 12.3 | 11.0 to 13.0 |" in card
    assert "with cross-entropy." in card
    assert "Flickr8k" not in card
    assert "$" not in card


def test_a_card_of_one_s_own_is_filled_in(tmp_path: Path, run: Path) -> None:
    (tmp_path / "card.md").write_text("# $name knows $vocabulary words")
    output = tmp_path / "artifact"
    export(run, "imagenet", "mine", "1", output, tmp_path / "card.md")
    assert (output / "MODEL_CARD.md").read_text() == f"# mine knows {len(WORDS)} words"


def test_what_the_maker_states_stays_with_the_artifact(tmp_path: Path, run: Path) -> None:
    output = tmp_path / "artifact"
    about = About(photos_from="my garden")
    export(run, "imagenet", "mine", "1", output, about=about)
    written = (output / "MODEL_CARD.md").read_text()
    assert "| where the photos come from | my garden |" in written
    assert write_card(output, None).read_text() == written  # as `audit` does


def test_exporting_again_replaces_what_was_there(tmp_path: Path, run: Path) -> None:
    stale = tmp_path / "artifact" / "captioner" / "stale"
    stale.parent.mkdir(parents=True)
    stale.write_text("left over")
    export(run, "imagenet", "small", "2", tmp_path / "artifact")
    assert not stale.exists()
    assert load_manifest(tmp_path / "artifact").version == "2"


def test_what_was_made_of_the_model_before_is_removed(tmp_path: Path, run: Path) -> None:
    output = tmp_path / "artifact"
    for name in ("openvino/captioner.xml", "plots/gender.svg", "audit.json"):
        (output / name).parent.mkdir(parents=True, exist_ok=True)
        (output / name).write_text("of the model before")
    export(run, "imagenet", "small", "2", output)
    left = {path.name for path in output.iterdir()}
    assert left == {"captioner", "vocabulary.txt", "manifest.json", "MODEL_CARD.md"}


@pytest.mark.parametrize("card", [None, "# $nothing", "It costs $5"])
def test_a_card_that_cannot_be_written_leaves_the_artifact_as_it_was(
    tmp_path: Path, run: Path, card: str | None
) -> None:
    given = (run, "imagenet", "small")
    export(*given, "1", tmp_path / "artifact")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    if card:
        (tmp_path / "card.md").write_text(card)
    told = "placeholder that is none: .* write \\$\\$" if card else r"card\.md"
    with pytest.raises((OSError, ValueError), match=told):
        export(*given, "2", tmp_path / "artifact", tmp_path / "card.md")
    assert {path: path.read_bytes() for path in before} == before
    assert load_manifest(tmp_path / "artifact").version == "1"


@pytest.mark.parametrize(
    ("name", "step"),
    [("search.json", "tune"), ("test.json", "evaluate"), ("calibration.json", "calibrate")],
)
def test_what_was_measured_of_other_weights_is_refused(
    tmp_path: Path, run: Path, name: str, step: str
) -> None:
    file = run / name
    found = json.loads(file.read_text()) if file.is_file() else {"calibration": None}
    file.write_text(json.dumps(found | weights_of(run)))
    export(run, "imagenet", "small", "1", tmp_path / "artifact")
    file.write_text(json.dumps(found | {"weights": "of an earlier epoch"}))
    with pytest.raises(ValueError, match=rf"other weights .* run `python -m training {step}` aga"):
        export(run, "imagenet", "small", "2", tmp_path / "artifact")


@pytest.mark.parametrize(
    ("missing", "advice"),
    [
        ("best.weights.h5", "train the run first"),
        ("search.json", "training tune"),
        ("test.json", "training evaluate"),
    ],
)
def test_an_unfinished_run_is_refused_with_what_to_do(
    tmp_path: Path, run: Path, missing: str, advice: str
) -> None:
    (run / missing).unlink()
    with pytest.raises(FileNotFoundError, match=advice):
        export(run, "imagenet", "small", "1", tmp_path / "artifact")


def test_scores_of_another_search_are_refused(tmp_path: Path, run: Path) -> None:
    retuned = SEARCH | {"beam_size": 7}
    (run / "search.json").write_text(json.dumps({"chosen": retuned}))
    with pytest.raises(ValueError, match=r"other search options; run `python -m training evaluate"):
        export(run, "imagenet", "small", "1", tmp_path / "artifact")
    assert not (tmp_path / "artifact").exists()


def test_a_run_on_another_encoder_s_features_is_refused(tmp_path: Path) -> None:
    write_run(tmp_path / "run", "lstm")
    other = tmp_path / "other.weights.h5"
    other.write_bytes(b"other")
    with pytest.raises(ValueError, match="was trained on features of the encoder imagenet"):
        export(tmp_path / "run", str(other), "small", "1", tmp_path / "artifact")
