"""From a run to the artifact that the service loads."""

import json
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from string import Template
from typing import Any

import keras
import tensorflow as tf

from training.decoder import Decoder
from training.encoder import IMAGE_SIDE, Encoder, encode, load_encoder
from training.evaluate import score_rows
from training.features import RESIZE_FILTER, encoder_id
from training.provenance import provenance, sha256
from training.rules import Rules
from training.runs import CALIBRATION, VOCABULARY, load_run, stage_of, tuned_options
from training.search import beam_search

SHARD_BYTES = 40_000_000  # so that no file of the artifact reaches 50 MB
LIMITS: dict[str, list[float]] = {
    "beam_size": [1, 10],
    "max_length": [1, 30],
    "length_penalty": [0.0, 2.0],
}
OBJECTIVES = {
    "cross-entropy": "their words",
    "cider": "their words\n  first and then for the CIDEr of captions of its own",
}
CARD = Path(__file__).parent / "model_card.md"


def caption_module(
    encoder: Encoder, decoder: Decoder, rules: Rules, both_sides: bool = False
) -> tf.Module:
    """Pixels to ranked captions, the whole of inference as functions over plain variables.

    Beside `caption`, the contract's signature, it has `encode`, the decoder's weights by name and
    the words no caption may end on, for whoever wants to check the search by other means.
    """
    images = tf.TensorSpec([None, IMAGE_SIDE, IMAGE_SIDE, 3], tf.uint8, name="images")

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
    module.decoder_weights = _by_path(decoder.weights)
    module.encoder_weights = _by_path([weight for part in encoder for weight in part.weights])
    module.dangling = tf.Variable(rules.dangling, trainable=False)
    return module


def _by_path(weights: Sequence[keras.Variable]) -> dict[str, tf.Variable]:
    """The variables by their paths; of several with the same path, the later ones are counted."""
    named: dict[str, tf.Variable] = {}
    seen: Counter[str] = Counter()
    for weight in weights:
        again = seen[weight.path]
        named[f"{weight.path}_{again}" if again else weight.path] = weight.value
        seen[weight.path] += 1
    return named


def export(
    run: Path, encoder_weights: str, name: str, version: str, output: Path, card: Path = CARD
) -> None:
    """Write the artifact of a tuned and evaluated run, replacing the one in `output`.

    `card` is the model card's text with `$`-placeholders, as `training/model_card.md` has them.
    Raises FileNotFoundError where `tune` or `evaluate` has not run yet, and ValueError where the
    test scores are not those of the tuned search.
    """
    stage = stage_of(run)
    loaded = load_run(run, encoder_id(encoder_weights, stage))
    test = run / "test.json"
    if not test.is_file():
        raise FileNotFoundError(f"{test} is missing; run `python -m training evaluate` first")
    metrics, search = json.loads(test.read_text()), asdict(tuned_options(run))
    if metrics["search"] != search:
        raise ValueError(f"{test} is of other search options; run `python -m training evaluate`")
    encoder = load_encoder(encoder_weights, stage)
    module = caption_module(encoder, loaded.decoder, loaded.rules, loaded.both_sides)
    fitted = run / CALIBRATION
    calibration = json.loads(fitted.read_text()) if fitted.is_file() else None

    saved = output / "captioner"
    shutil.rmtree(saved, ignore_errors=True)
    tf.saved_model.save(
        module,
        str(saved),
        signatures={"caption": module.caption},
        options=tf.saved_model.SaveOptions(
            experimental_sharding_callback=tf.train.experimental.MaxShardSizePolicy(SHARD_BYTES)
        ),
    )
    shutil.copyfile(run / VOCABULARY, output / VOCABULARY)
    manifest = {
        "name": name,
        "version": version,
        "architecture": loaded.config.decoder.architecture,
        "input": {
            "height": IMAGE_SIDE,
            "width": IMAGE_SIDE,
            "resize_filter": RESIZE_FILTER.name.lower(),
        },
        "search": search,
        "limits": LIMITS,
        "metrics": {key: metrics[key] for key in ("split", "images", "scores", "variety")},
        "calibration": calibration["calibration"] if calibration else None,
        "provenance": {
            "training": loaded.described,
            "export": provenance(),
            "evaluation": metrics["provenance"],
        },
    }
    text = model_card(card.read_text(encoding="utf-8"), manifest, len(loaded.vocabulary))
    (output / "MODEL_CARD.md").write_text(text, encoding="utf-8")
    (output / "manifest.json").write_text(
        json.dumps(manifest | {"files": checksums(output)}, indent=2) + "\n"
    )


def checksums(folder: Path) -> dict[str, str]:
    """sha256 of every file the service relies on, by its path below `folder`."""
    files = [path for path in sorted((folder / "captioner").rglob("*")) if path.is_file()]
    return {
        path.relative_to(folder).as_posix(): sha256(path) for path in (*files, folder / VOCABULARY)
    }


def model_card(template: str, manifest: dict[str, Any], vocabulary: int) -> str:
    """The card's text with this model's numbers."""
    metrics, described = manifest["metrics"], manifest["provenance"]["training"]
    return Template(template).substitute(
        name=manifest["name"],
        version=manifest["version"],
        architecture=manifest["architecture"],
        encoder=described["encoder_weights"],
        # Runs from before there were two objectives do not name theirs.
        objective=OBJECTIVES[described["train"].get("objective", "cross-entropy")],
        images=metrics["images"],
        scores="\n".join(score_rows(metrics["scores"])),
        beam_size=manifest["search"]["beam_size"],
        length_penalty=manifest["search"]["length_penalty"],
        distinct=f"{metrics['variety']['distinct_share']:.0%}",
        copied=f"{metrics['variety']['copied_from_training_share']:.0%}",
        words=metrics["variety"]["vocabulary_used"],
        vocabulary=vocabulary,
        confidence=_confidence(manifest["calibration"]),
    )


def _confidence(calibration: dict[str, float] | None) -> str:
    if calibration is None:
        return "Its log-probabilities are no calibrated\n  confidence."
    return (
        f"Most such captions get a\n  confidence under {calibration['threshold']:g} and are marked "
        "uncertain, but not all (`docs/results.md`)."
    )
