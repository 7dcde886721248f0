"""Arguments that several steps share, and what is read by them."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from training.config import EncoderName
from training.data.dataset import SPLITS, Dataset
from training.data.load import load_dataset

if TYPE_CHECKING:
    from training.data.features import FeatureCache

Steps = argparse._SubParsersAction  # of `main`, to which modules add their steps


def add_data(step: argparse.ArgumentParser, cache: bool = True) -> None:
    """--data, and --cache of steps that read features."""
    step.add_argument(
        "--data",
        type=Path,
        nargs="+",
        default=[Path("data/flickr8k")],
        help="folders or captions files, or a TOML file that lists them",
    )
    if cache:
        step.add_argument(
            "--cache", type=Path, default=Path("data/features"), help="folder of feature caches"
        )


def add_encoder(step: argparse.ArgumentParser) -> None:
    """--encoder-weights."""
    step.add_argument(
        "--encoder-weights",
        default="imagenet",
        help="'imagenet' (downloads), a weights file or an artifact",
    )


def add_encoder_choice(step: argparse.ArgumentParser) -> None:
    """--encoder, of steps before there is a run that knows it."""
    step.add_argument(
        "--encoder", choices=get_args(EncoderName), help="whose weights they are; else resnet50"
    )


def add_run(step: argparse.ArgumentParser) -> None:
    """--run."""
    step.add_argument("--run", type=Path, required=True, help="folder of the run")


def add_runs(step: argparse.ArgumentParser) -> None:
    """--runs."""
    step.add_argument("--runs", type=Path, default=Path("runs"), help="folder of all runs")


def add_output(step: argparse.ArgumentParser) -> None:
    """--output."""
    step.add_argument(
        "--output", type=Path, default=Path("model_artifacts"), help="folder of the artifact"
    )


def add_artifact(step: argparse.ArgumentParser) -> None:
    """--artifact."""
    step.add_argument(
        "--artifact", type=Path, default=Path("model_artifacts"), help="folder of the artifact"
    )


def add_results(step: argparse.ArgumentParser) -> None:
    """--results."""
    step.add_argument(
        "--results", type=Path, default=Path("docs/results"), help="folder of the results"
    )


def read_data(options: argparse.Namespace) -> Dataset:
    """Raises DatasetError."""
    dataset = load_dataset(*options.data)
    sizes = ", ".join(f"{len(dataset.splits[split])} {split}" for split in SPLITS)
    print(f"{', '.join(map(str, options.data))}: {sizes} images", flush=True)
    return dataset


def read_features(
    dataset: Dataset, options: argparse.Namespace, run: Path | None = None
) -> "FeatureCache":
    """Of the encoder as `run` has it, or of the one that was chosen."""
    from training.models.encoder_spec import ENCODERS
    from training.optimize.run_folder import encoder_of, features_of

    spec = encoder_of(run) if run else ENCODERS[options.encoder or "resnet50"]
    return features_of(run, dataset, options.encoder_weights, options.cache, spec)
