"""What a run reads, and where its weights begin: at random, or at a run's or an artifact's."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from training.config import TrainConfig
from training.data.dataset import Dataset
from training.data.features import FeatureCache
from training.data.tags import TagNames
from training.data.text import Vocabulary
from training.models.decoder import Decoder
from training.models.encoder_spec import ENCODERS
from training.models.extract import cache_crops, cache_trunk
from training.models.registry import build_decoder
from training.models.tag_rows import PREPARED, with_tags
from training.models.weights import Weights, assign, by_path, fingerprint, read_saved_model
from training.optimize.run_folder import CONFIG, VOCABULARY, WEIGHTS, features_of, stage_of
from training.provenance import sha256

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Inputs:
    """What a run reads."""

    dataset: Dataset
    features: FeatureCache  # the trunk's maps if the encoder is fine-tuned
    encoder_weights: str
    start: Path | None = None  # the run or the artifact whose weights it begins with
    tags: Path | None = None  # the folder that `tag` wrote, for a decoder that reads tags


def training_features(
    config: TrainConfig, dataset: Dataset, weights: str, cache: Path, start: Path | None
) -> FeatureCache:
    """What a run with this configuration reads: the trunk's maps if it trains the last stage.

    Raises ValueError if the start reads the maps of another encoder, or if there are no crops of
    what the run reads.
    """
    if start and (needed := start_config(start)["encoder"]) != config.encoder:
        raise ValueError(f"{start} reads {needed}, not {config.encoder}; set encoder to that")
    spec = ENCODERS[config.encoder]
    if config.crop_share and (config.encoder_learning_rate or (start and stage_of(start))):
        raise ValueError("crops are read by the encoder as it came: set crop_share to 0")
    if config.encoder_learning_rate:
        return cache_trunk(dataset, weights, cache, spec)
    features = features_of(start, dataset, weights, cache, spec)
    pairs = range(config.crop_pairs if config.crop_share else 0)
    kind = (config.crop_least, config.crop_colour)
    crops = tuple(cache_crops(dataset, weights, cache, spec, pair, *kind) for pair in pairs)
    return replace(features, crops=crops)


@dataclass(frozen=True)
class Start:
    """The decoder that a run begins with."""

    described: dict[str, str]  # what the run's config.json keeps of it
    vocabulary: Vocabulary
    weights: Weights

    def extend(self, vocabulary: Vocabulary) -> Vocabulary:
        """Its words in their order, then those of `vocabulary` that it lacks."""
        known = set(self.vocabulary.words)
        return Vocabulary(
            (*self.vocabulary.words, *(word for word in vocabulary.words if word not in known))
        )

    def fill(self, decoder: Decoder, vocabulary: Vocabulary, tags: TagNames | None = None) -> None:
        """Set the weights of a new decoder for this vocabulary, those that the start has.

        A decoder of another architecture takes what is called alike; what one that reads `tags`
        knows of a tag goes by its words. Raises ValueError if a shape is another one.
        """
        mine = {f"{decoder.name}/{path.partition('/')[2]}": w for path, w in self.weights.items()}
        if tags:
            mine = with_tags(mine, self.vocabulary, tags)
        try:
            fresh = assign(decoder.weights, mine, (self.vocabulary, vocabulary))
        except ValueError as error:
            raise ValueError(
                f"the start's decoder is of another shape: {error}; leave [decoder] out of the "
                "configuration to take its shape over"
            ) from error
        fresh = [path for path in fresh if not path.endswith(PREPARED)]
        if fresh:
            print(f"fresh, since the start lacks them: {', '.join(fresh)}", flush=True)


def is_artifact(folder: Path) -> bool:
    return (folder / MANIFEST).is_file()


def start_config(folder: Path) -> dict[str, Any]:
    """`decoder` and `encoder` in the configuration of a run or an artifact.

    Raises FileNotFoundError, and ValueError where it does not tell.
    """
    if is_artifact(folder):
        described = json.loads((folder / MANIFEST).read_text())["provenance"].get("training", {})
    elif (folder / CONFIG).is_file():
        described = json.loads((folder / CONFIG).read_text())
    else:
        raise FileNotFoundError(f"{folder} is no run (no {CONFIG}) and no artifact (no {MANIFEST})")
    told = described.get("train", {})
    if "decoder" not in told:
        raise ValueError(f"{folder} does not say what its decoder is like; begin with another")
    # Runs from before there was a choice name no encoder.
    return {"decoder": told["decoder"], "encoder": told.get("encoder", "resnet50")}


def load_start(folder: Path) -> Start:
    """Of a run that was trained, or of an artifact. Raises FileNotFoundError."""
    told = start_config(folder)
    for name in (VOCABULARY, *([] if is_artifact(folder) else [WEIGHTS])):
        if not (folder / name).is_file():
            raise FileNotFoundError(f"{folder / name} is missing; train the run first")
    vocabulary = Vocabulary.load(folder / VOCABULARY)
    if is_artifact(folder):
        manifest = json.loads((folder / MANIFEST).read_text())
        weights = read_saved_model(folder, "decoder_weights")
        described = {"artifact": manifest["name"], "version": manifest["version"]}
        described |= {"weights": fingerprint(weights)}
        return Start(described, vocabulary, weights)
    config = TrainConfig.model_validate(told)
    decoder = build_decoder(config.decoder, len(vocabulary), ENCODERS[config.encoder])
    decoder.load_weights(folder / WEIGHTS)
    weights = {path: each.numpy() for path, each in by_path(decoder.weights).items()}
    described = {"run": folder.name, "weights": sha256(folder / WEIGHTS)}
    return Start(described, vocabulary, weights)
