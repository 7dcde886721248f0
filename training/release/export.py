"""From a run to the artifact that the service loads."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from training.data.images import RESIZE_FILTER
from training.models.decoder import Decoder
from training.models.encoder import Encoder, encode, encoder_id, load_encoder
from training.models.tagger import Tagger
from training.models.weights import by_path
from training.optimize.run_folder import (
    CALIBRATION,
    GUIDE,
    VOCABULARY,
    Run,
    encoder_of,
    load_run,
    read_measured,
    stage_of,
    tuned_options,
)
from training.provenance import provenance, sha256
from training.release.card import CARD, model_card, template_for
from training.release.card_facts import About
from training.release.guided_graph import guided_module
from training.release.half import WholeTensors
from training.search.beam import beam_search
from training.search.guide_file import GuideNumbers, build_guide, load_guide_numbers
from training.search.rules import Rules

SHARD_BYTES = 40_000_000  # so that no file of the artifact reaches 50 MB
LIMITS: dict[str, list[float]] = {
    "beam_size": [1, 10],
    "max_length": [1, 30],
    "length_penalty": [0.0, 2.0],
}
KEPT = (
    "split",
    "images",
    "references_per_image",
    "tokenizer",
    "scores",
    "variety",
)  # of the test scores, in the manifest
THRESHOLD = 0.3  # of the confidence below which a caption is called uncertain


def caption_module(
    encoder: Encoder, decoder: Decoder, rules: Rules, both_sides: bool = False
) -> tf.Module:
    """Pixels to ranked captions, the whole of inference as functions over plain variables.

    Beside `caption`, the contract's signature, it has `encode`, the decoder's weights by name and
    the words no caption may end on, for whoever wants to check the search by other means.
    """
    images = tf.TensorSpec([None, encoder.spec.side, encoder.spec.side, 3], tf.uint8, name="images")

    @tf.function(
        input_signature=[
            images,
            tf.TensorSpec([], tf.int32, name="beam_size"),
            tf.TensorSpec([], tf.int32, name="max_length"),
            tf.TensorSpec([], tf.float32, name="length_penalty"),
        ]
    )
    def caption(
        images: tf.Tensor, beam_size: tf.Tensor, max_length: tf.Tensor, length_penalty: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        maps = encode(encoder, images, both_sides)
        found = beam_search(decoder, rules, maps, beam_size, max_length, length_penalty)._asdict()
        if not decoder.attends:
            del found["attention"]
        return found

    module = tf.Module(name="captioner")
    module.caption = caption
    module.encode = tf.function(
        lambda images: encode(encoder, images, both_sides), input_signature=[images]
    )
    # Plain variables: Keras models would bring along call signatures that nobody serves.
    module.decoder_weights = _values(decoder.weights)
    module.encoder_weights = _values(encoder.weights)
    module.dangling = tf.Variable(rules.dangling, trainable=False)
    return module


def _values(weights: Sequence[keras.Variable]) -> dict[str, tf.Variable]:
    """TensorFlow's own variables by their paths."""
    return {path: weight.value for path, weight in by_path(weights).items()}


def export(
    run: Path,
    encoder_weights: str,
    name: str,
    version: str,
    output: Path,
    card: Path | None = None,
    about: About | None = None,
) -> None:
    """Write the artifact of a tuned and evaluated run, replacing the one in `output`.

    Nothing is replaced before everything else is known to be right. `card` is the model card's
    text with `$`-placeholders, as `model_card.md` has them; `about` is what its maker states of
    the data, and stays with the manifest.
    Raises FileNotFoundError where `tune` or `evaluate` has not run yet, and ValueError where the
    test scores are not those of the tuned search. A run with tags needs `guide` before; its
    artifact is scored afterwards, as it is served (`score`).
    """
    stage = stage_of(run)
    spec = encoder_of(run)
    loaded = load_run(run, encoder_id(encoder_weights, stage, spec))
    search = asdict(tuned_options(run))
    metrics = {} if loaded.tag_head else _metrics(run, search)
    encoder = load_encoder(encoder_weights, stage, spec)
    numbers = load_guide_numbers(run / GUIDE) if loaded.tag_head else None
    module = _module(encoder, loaded, numbers)
    fitted = run / CALIBRATION
    calibration = read_measured(fitted, "calibrate") if fitted.is_file() else None
    manifest = {
        "name": name,
        "version": version,
        "architecture": loaded.config.decoder.architecture,
        "input": {
            "height": spec.side,
            "width": spec.side,
            "resize_filter": RESIZE_FILTER.name.lower(),
        },
        "search": search | ({"people": "seen"} if loaded.tag_head else {}),
        "limits": LIMITS,
        "metrics": {key: metrics[key] for key in KEPT if key in metrics},
        "calibration": calibration["calibration"] if calibration else None,
        **(_guided(numbers) if numbers else {}),
        "provenance": {
            "training": loaded.described,
            "export": provenance(),
            "evaluation": metrics.get("provenance"),
            **({"about": about.model_dump(exclude_defaults=True)} if about else {}),
        },
    }
    template = (card or template_for(manifest)).read_text(encoding="utf-8")
    text = model_card(template, manifest, len(loaded.vocabulary), audit=None)
    _replace(output, module)
    shutil.copyfile(run / VOCABULARY, output / VOCABULARY)
    (output / CARD).write_text(text, encoding="utf-8")
    (output / "manifest.json").write_text(
        json.dumps(manifest | {"files": checksums(output)}, indent=2) + "\n"
    )


def _replace(output: Path, module: tf.Module) -> None:
    """Save the module as the artifact's model, and remove what was made of the one before."""
    unfinished = output / "captioner.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    tf.saved_model.save(
        module,
        str(unfinished),
        signatures={"caption": module.caption},
        options=tf.saved_model.SaveOptions(
            experimental_sharding_callback=WholeTensors(SHARD_BYTES)
        ),
    )
    for folder in ("captioner", "openvino", "plots"):
        shutil.rmtree(output / folder, ignore_errors=True)
    (output / "audit.json").unlink(missing_ok=True)
    unfinished.rename(output / "captioner")


def _guided(numbers: GuideNumbers) -> dict[str, Any]:
    """What the manifest says of a guide: the thresholds of its confidence and of its gender heads.

    Where a photo shows men, women, boys or girls less clearly than the latter say, the search masks
    words of them.
    """
    least = {name: round(each, 4) for name, each in numbers.thresholds._asdict().items()}
    return {"confidence": {"threshold": THRESHOLD}, "gender_thresholds": least}


def _metrics(run: Path, search: dict[str, Any]) -> dict[str, Any]:
    test = run / "test.json"
    metrics = read_measured(test, "evaluate")
    if metrics["search"] != search:
        raise ValueError(f"{test} is of other search options; run `python -m training evaluate`")
    return metrics


def _module(encoder: Encoder, loaded: Run, numbers: GuideNumbers | None) -> tf.Module:
    if loaded.tag_head is None or numbers is None:
        return caption_module(encoder, loaded.decoder, loaded.rules, loaded.both_sides)
    guide = build_guide(numbers, loaded.tag_head, loaded.vocabulary)
    tagger = Tagger(loaded.tag_head)
    return guided_module(encoder, loaded.decoder, loaded.rules, guide, tagger)


def checksums(folder: Path) -> dict[str, str]:
    """sha256 of every file the service relies on, by its path below `folder`."""
    files = [path for path in sorted((folder / "captioner").rglob("*")) if path.is_file()]
    return {
        path.relative_to(folder).as_posix(): sha256(path) for path in (*files, folder / VOCABULARY)
    }
